-- Tells what became of staged changes. A change is named by its row, its stage sequence, and since when its chain was
-- whole when it was staged ('' if that is not known).
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] recent  KEYS[5] recent_old
-- ARGV  epoch, then per change: row key, sequence, since
-- returns  {'found', then per change: 'pending' | 'written' | 'dead' | 'untraced' | 'lost',
--   id of the dead letter or '', its code or ''} | {'damaged', key} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local recent = KEYS[4]
local recent_old = KEYS[5]
local epoch = ARGV[1]

-- include: bulk
-- include: record
-- include: recent
-- include: plain
-- include: letters
-- include: numbers

local head = redis.call('HMGET', chain, 'epoch', 'token', 'since', 'sequence')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end

if not count_in(head[4]) then return { 'damaged', 'chain' } end

local function holds(bytes, sequence)
  if not bytes then return false end
  local record = decode(bytes)
  return not record or (record[FIRST] <= sequence and sequence <= record[LAST])
end

-- A change without a trace was annihilated, overruled, or written or buried so long ago that it is forgotten.
local function settlement(row_key, sequence, since)
  if holds(redis.call('HGET', dirty, row_key), sequence) then return 'pending' end
  if head[2] and holds(redis.call('HGET', flight, row_key), sequence) then return 'pending' end
  for _, letter in ipairs(letters_of(row_key)) do
    if letter[LETTER_FROM] <= sequence and sequence <= letter[LETTER_TO] then return 'dead', letter[LETTER_ID], letter[4] end
  end
  if (since ~= '' and since ~= head[3]) or sequence > tonumber(head[4]) then return 'lost' end
  local _, _, written = recall(row_key)
  return written >= sequence and 'written' or 'untraced'
end

local found = { 'found' }
for index = 2, #ARGV, 3 do
  local status, id, code = settlement(ARGV[index], tonumber(ARGV[index + 1]), ARGV[index + 2])
  append(found, status, id or '', code or '')
end
return found
