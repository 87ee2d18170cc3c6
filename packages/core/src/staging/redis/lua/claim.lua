-- Hands out the batch in flight. If there is none, and the chain is whole, moves records into a new batch: the named
-- ones, or the due ones, marked records first. Once the shards before have handed out many records, the rest goes in a
-- later call.
--
-- KEYS  chain, dirty, due, flight, of one shard after the other
-- ARGV  epoch, most records of a new batch, 1 for a caller that does not hold the shards: it gets no batch that is in
--   flight already; then per shard: number of its arguments, token of a new batch, last token that the database has
--   committed, row keys if only these are wanted ...
-- returns  {'each', per shard: {'batch', token, predecessor, attempts, time (ms), added parts or '', row key, record,
--   ...} | {'nothing'} | {'later'} | {'broken', last token} | {'uninitialised'} | {'epoch', epoch} |
--   {'failed', what Redis says}}
local epoch, limit, is_ahead = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local chain, dirty, due, flight

-- include: each-shard
-- include: time
-- include: bulk
-- include: claim-due
-- include: record
-- include: numbers

local MOST_HANDED_OUT = 500
local now, handed_out = now_ms(), 0

-- Answers what was moved into flight: row key, record, ...; nil if nothing was.
local function new_batch(head, token, predecessor, first, last)
  local row_keys, mark
  if first <= last then
    row_keys, mark = named_rows(first, last)
  else
    row_keys, mark = due_rows(now, limit, count_in(head[5]) or 0)
  end
  if #row_keys == 0 then return nil end
  local records = get_all(dirty, row_keys)
  local oldest = decode(records[1] or '')
  local first_at = oldest and oldest[FIRST_AT] or now
  -- The last command that may fail: a key of another type may stand there.
  local is_empty = redis.call('HLEN', flight) == 0
  local moved = take_off(row_keys, records)
  redis.call('HSET', chain, 'token', token, 'predecessor', predecessor, 'attempts', 0, 'claimedFirstAt', first_at)
  if mark then redis.call('HSET', chain, 'mark', mark) end
  if head[6] and redis.call('ZCOUNT', due, '-inf', BEFORE_TIME) == 0 then redis.call('HDEL', chain, 'marked') end
  return is_empty and moved or redis.call('HGETALL', flight)
end

local function hand_out(token, predecessor, head, records)
  handed_out = handed_out + #records / 2
  -- As in acknowledge.lua, also for a batch that is handed out again.
  redis.call('HDEL', chain, 'nothing')
  local batch = { 'batch', token, predecessor, increase(chain, 'attempts', 1, function() return 1 end), now, head[7] or '' }
  for index = 1, #records do
    batch[index + 6] = records[index]
  end
  return batch
end

local function claim(first, last)
  if handed_out >= MOST_HANDED_OUT then return { 'later' } end
  local token, predecessor = ARGV[first], ARGV[first + 1]
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'predecessor', 'last', 'horizon', 'marked', 'parts')
  if not head[1] then return { 'uninitialised' } end
  if head[1] ~= epoch then return { 'epoch', head[1] } end
  if head[2] then
    if is_ahead then return { 'nothing' } end
    return hand_out(head[2], head[3], head, redis.call('HGETALL', flight))
  end
  if head[4] ~= predecessor then return { 'broken', head[4] } end
  local records = new_batch(head, token, predecessor, first + 2, last)
  if not records then return { 'nothing' } end
  return hand_out(token, predecessor, head, records)
end

local answers, from = { 'each' }, 4
for at = 1, #KEYS, 4 do
  chain, dirty, due, flight = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
  answers[#answers + 1], from = answer_of(claim, from)
end
return answers
