-- Hands out the batch in flight. If there is none, and the chain is whole, moves records into a new batch: the named
-- ones, or the due ones, marked records first.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight
-- ARGV  epoch, token of a new batch, last token that the database has committed, most records,
--   1 for a caller that does not hold the shard: it gets no batch that is in flight already,
--   row keys if only these are wanted ...
-- returns  {'batch', token, predecessor, attempts, time (ms), added parts or '', row key, record, ...} | {'nothing'} |
--   {'broken', last token} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local epoch, new_token, predecessor, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

-- include: time
-- include: bulk
-- include: claim-due
-- include: record
-- include: numbers

local head = redis.call('HMGET', chain, 'epoch', 'token', 'predecessor', 'last', 'horizon', 'marked', 'parts')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end

if head[2] and ARGV[5] == '1' then return { 'nothing' } end
local now, moved = now_ms(), nil
if not head[2] then
  if head[4] ~= predecessor then return { 'broken', head[4] } end
  local row_keys, mark
  if ARGV[6] then row_keys, mark = named_rows() else row_keys, mark = due_rows(now, limit, count_in(head[5]) or 0) end
  if #row_keys == 0 then return { 'nothing' } end
  local records = get_all(dirty, row_keys)
  local first = decode(records[1] or '')
  local first_at = first and first[FIRST_AT] or now
  -- The last command that may fail: a key of another type may stand there.
  local is_empty = redis.call('HLEN', flight) == 0
  local taken = take_off(row_keys, records)
  if is_empty then moved = taken end
  redis.call('HSET', chain, 'token', new_token, 'predecessor', predecessor, 'attempts', 0, 'claimedFirstAt', first_at)
  if mark then redis.call('HSET', chain, 'mark', mark) end
  if head[6] and redis.call('ZCOUNT', due, '-inf', BEFORE_TIME) == 0 then redis.call('HDEL', chain, 'marked') end
  head[2], head[3] = new_token, predecessor
end

local records = moved or redis.call('HGETALL', flight)
-- As in acknowledge.lua, also for a batch that is handed out again.
redis.call('HDEL', chain, 'nothing')
local batch = { 'batch', head[2], head[3], increase(chain, 'attempts', 1, function() return 1 end), now, head[7] or '' }
for index = 1, #records do
  batch[index + 6] = records[index]
end
return batch
