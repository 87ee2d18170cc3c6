-- Ends a batch by its ledger row and makes its token the last acknowledged one. Judges all records before it writes.
-- The copies of its rows go, or go on, in the same step.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead
-- KEYS[8] stats  KEYS[9] held  KEYS[10] cache  KEYS[11] cache_old  KEYS[12] cache_blocks
-- ARGV  epoch, token, outcomes that are not "applied": row key -> parts, how long writes are remembered (ms),
--   rows remembered per generation, most dead letters, how long one is kept (ms) or 0, bytes of a generation of copies,
--   the rows that the caller has read, packed, or nothing
-- returns  {'done', dropped letters, packed, or ''} | {'absent'} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local held = KEYS[9]
local cache = KEYS[10]
local cache_old = KEYS[11]
local cache_blocks = KEYS[12]
local epoch, token, outcomes = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])
local remember_ms, remember_rows = tonumber(ARGV[4]), tonumber(ARGV[5])
local keep_letters, keep_ms, generation_bytes = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

-- include: time
-- include: bulk
-- include: merge
-- include: recent
-- include: generations
-- include: draft
-- include: counts
-- include: letters
-- include: bury
-- include: drop-letters
-- include: settle
-- include: parts
-- include: held
-- include: retell
-- include: known-rows
-- include: end-unreadable
-- include: end-copies

local head = redis.call('HMGET', chain, 'epoch', 'token', 'recentAt', 'horizon', 'held', 'parts', 'mark', 'voidAt')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
if head[2] ~= token then return { 'absent' } end

-- After a deletion, even of nothing, Redis takes the rest when it is out of memory. Acknowledging makes room.
redis.call('HDEL', chain, 'nothing')
any_held = head[5] and head[5] ~= '0'
local now, horizon, written = now_ms(), count_in(head[4]) or 0, {}
any_void = now - (count_in(head[8]) or 0) <= 2 * remember_ms
local parts, flown = parts_in(head[6]), redis.call('HGETALL', flight)
local records, is_whole = flown, parts and #parts == 0
if parts and #parts > 0 then records = without_uncovered(parts, records, outcomes, now) end

local function end_record(row_key, record, outcome, bytes)
  count(record[ENTITY], -1)
  note_written(row_key, record, outcome, bytes, is_whole)
  local before = any_held and known_dirty(row_key)
  settle(row_key, record, outcome, now, written)
  if any_held then retell(row_key, record, outcome, before) end
end

local known = known_rows(ARGV[9], parts, #records / 2)
local remembered = settle_known(known, written)
local rest = without_known(records, known)

for index = 1, #rest, 2 do
  local row_key, bytes = rest[index], rest[index + 1]
  -- A row key that is no text is a different key for the worker that has written the batch.
  local record, outcome = is_text(row_key) and decode(bytes), outcomes[row_key]
  if outcome and outcome[1] == 'again' then horizon = math.max(horizon, outcome[DELAY]) end
  if not parts and not outcome then
    if record then count(record[ENTITY], -1) end
    local told = 'What was added to its batch cannot be read: whether this was written is not known'
    bury(row_key, 'STAGING_LOSS', told, token, now, bytes)
  elseif not record or not attempt(end_record, row_key, record, outcome, bytes) then
    end_unreadable(row_key, bytes, outcome, now)
  end
end
local dropped = drop_letters(keep_letters, keep_ms, now)
local is_aged = redis.call('HLEN', recent) >= remember_rows or now - (count_in(head[3]) or 0) >= remember_ms

-- The rarest commands first: Redis refuses a user without the right before anything is written.
check_draft()
if is_aged then check_generation(recent) end
end_copies(flown, known, now)
redis.call('DEL', flight)
if is_aged then new_generation(recent, recent_old) end
write_draft()
tell_drains(head[7])
if is_aged then redis.call('HSET', chain, 'recentAt', now) end
redis.call('HDEL', chain, 'token', 'predecessor', 'attempts', 'mark', 'parts')
send('HSET', recent, with_written(remembered, written))
redis.call('HSET', chain, 'last', token, 'horizon', horizon, 'voidAt', found_void and now or head[8] or 0)
write_counts()
return { 'done', dropped }
