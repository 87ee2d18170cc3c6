-- Ends a batch by its ledger row and makes its token the last acknowledged one. Judges all records before it writes.
-- The copies of its rows go, or go on, in the same step.
--
-- KEYS  chain, dirty, due, flight, recent, recent_old, dead, stats, held, cache, cache_old,
--   cache_blocks, of one shard after the other
-- ARGV  epoch, how long writes are remembered (ms), rows remembered per generation, most dead letters, how long one is
--   kept (ms) or 0, bytes of a generation of copies; then per shard: number of its arguments, token, outcomes that are
--   not "applied": row key -> parts, the rows that the caller has read, packed, or nothing
-- returns  {'each', per shard: {'done', dropped letters, packed, or ''} | {'absent'} | {'uninitialised'} |
--   {'epoch', epoch} | {'failed', what Redis says}}
local epoch, remember_ms, remember_rows = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local keep_letters, keep_ms, generation_bytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local chain, dirty, due, flight, recent, recent_old, dead, stats, held, cache, cache_old, cache_blocks
local token

-- include: each-shard
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
-- include: end-records
-- include: begin-shard

local now = now_ms()

local function acknowledge(first, last)
  begin_shard()
  local outcomes = cmsgpack.unpack(ARGV[first + 1])
  token = ARGV[first]
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'recentAt', 'horizon', 'held', 'parts', 'mark', 'voidAt')
  if not head[1] then return { 'uninitialised' } end
  if head[1] ~= epoch then return { 'epoch', head[1] } end
  if head[2] ~= token then return { 'absent' } end

  -- After a deletion, even of nothing, Redis takes the rest when it is out of memory. Acknowledging makes room.
  redis.call('HDEL', chain, 'nothing')
  any_held = head[5] and head[5] ~= '0'
  any_void = now - (count_in(head[8]) or 0) <= 2 * remember_ms
  local written, parts, flown = {}, parts_in(head[6]), redis.call('HGETALL', flight)
  local records = flown
  if parts and #parts > 0 then records = without_uncovered(parts, records, outcomes, now) end
  local known = known_rows(first + 2 <= last and ARGV[first + 2], parts, #records / 2)
  local remembered = settle_known(known, written)
  local horizon = end_records(without_known(records, known), outcomes, parts, count_in(head[4]) or 0, now, written)
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
end

local answers, from = { 'each' }, 7
for at = 1, #KEYS, 12 do
  chain, dirty, due, flight, recent, recent_old = unpack(KEYS, at, at + 5)
  dead, stats, held, cache, cache_old, cache_blocks = unpack(KEYS, at + 6, at + 11)
  answers[#answers + 1], from = answer_of(acknowledge, from)
end
return answers
