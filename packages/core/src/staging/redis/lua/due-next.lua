-- When each of some shards wants a flush: milliseconds from now, 0 also for a batch in flight, -1 for never, -2 if it
-- has no chain. A shard under another epoch answers 0, and its flush reports the epoch. If no shard is under ours, the
-- answer is the epoch.
--
-- KEYS  chain, due, dirty, of one shard after the other
-- ARGV  epoch
-- returns  {'next', wait, ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: time
-- include: numbers

local FIRST_TIME = 1000000000000
local now = now_ms()

-- nil: no chain; or a chain under another epoch, which is the second answer. A key of the wrong type is due now: its
-- flush reports the error.
local function wait_of(chain, due, dirty)
  local head = redis.pcall('HMGET', chain, 'epoch', 'token', 'horizon')
  if head.err then return 0 end
  if not head[1] then return nil end
  if head[1] ~= epoch then return nil, head[1] end
  if head[2] then return 0 end
  local earliest = tonumber(redis.pcall('ZRANGE', due, 0, 0, 'WITHSCORES')[2])
  -- Dirty records without a time have lost it: see index-again.
  if not earliest then return redis.pcall('HLEN', dirty) == 0 and -1 or 0 end
  local wait = math.ceil(earliest - now)
  if earliest < FIRST_TIME or wait < 0 or wait > (count_in(head[3]) or 0) then return 0 end
  return wait
end

local answer, theirs, is_ours = { 'next' }, nil, false
for index = 1, #KEYS, 3 do
  local wait, other = wait_of(KEYS[index], KEYS[index + 1], KEYS[index + 2])
  answer[#answer + 1] = wait or other and 0 or -2
  is_ours, theirs = is_ours or wait ~= nil, theirs or other
end
if theirs and not is_ours then return { 'epoch', theirs } end
return answer
