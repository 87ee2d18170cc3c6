-- Adds dirty records to the batch in flight, for a transaction that has written the batch and now needs more rows.
-- Merges them with records in flight. The transaction may commit only a part of this, so the earlier records are kept
-- until the batch ends. Parts that the transaction's ledger row does not cover are taken back first.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] dead  KEYS[6] stats
-- KEYS[7] recent  KEYS[8] recent_old
-- ARGV  epoch, token, how often the batch has been handed out, outcomes in the ledger row: row key -> parts,
--   most dead letters, how long one is kept (ms) or 0, row keys ...
-- returns  {'extended', number of the part, dropped letters, packed, or '', row key, record before or '',
--   added record, ...} | {'absent'} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local dead = KEYS[5]
local stats = KEYS[6]
local recent = KEYS[7]
local recent_old = KEYS[8]
local epoch, token, attempts, outcomes = ARGV[1], ARGV[2], ARGV[3], cmsgpack.unpack(ARGV[4])
local keep_letters, keep_ms = tonumber(ARGV[5]), tonumber(ARGV[6])

-- include: time
-- include: bulk
-- include: merge
-- include: draft
-- include: counts
-- include: letters
-- include: bury
-- include: drop-letters
-- include: marks
-- include: parts

local head = redis.call('HMGET', chain, 'epoch', 'token', 'attempts', 'parts', 'mark')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
if head[2] ~= token or head[3] ~= attempts then return { 'absent' } end

local now, parts, mark = now_ms(), parts_in(head[4]), head[5]
-- The earlier parts cannot be read: the batch has to end first.
if not parts then return { 'absent' } end
-- As in acknowledge.lua.
redis.call('HDEL', chain, 'nothing')
if #parts > 0 then retract(parts, outcomes, now) end

local part = {}
local function add_row(row_key)
  local bytes, before = value_of(dirty, row_key), value_of(flight, row_key)
  local added, older = bytes and decode(bytes), before and decode(before)
  local merged = added and (older and merge(older, added) or not before and added)
  if not merged or (older and is_hidden_by(older, added)) then return end
  if older then count(added[ENTITY], -1) end
  set_value(flight, row_key, older and cmsgpack.pack(merged) or bytes)
  set_value(dirty, row_key, false)
  set_time(row_key, false)
  mark = smaller_mark(mark, row_key)
  append(part, row_key, before or '', bytes)
end

for index = 7, #ARGV do
  attempt(add_row, ARGV[index])
end
append(parts, part)

local dropped = drop_letters(keep_letters, keep_ms, now)
write_draft()
tell_drains(head[5])
redis.call('HSET', chain, 'parts', cmsgpack.pack(parts))
if mark then redis.call('HSET', chain, 'mark', mark) end
write_counts()

local answer = { 'extended', #parts, dropped }
for index = 1, #part do
  answer[index + 3] = part[index]
end
return answer
