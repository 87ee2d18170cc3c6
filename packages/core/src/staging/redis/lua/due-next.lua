-- When each of some shards wants a flush: milliseconds from now, 0 also for a batch in flight, -1 for never.
--
-- KEYS  chain, due, dirty, of one shard after the other
-- ARGV  epoch
-- returns  {'next', wait, ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: time

local FIRST_TIME = 1000000000000
local now = now_ms()

local function wait_of(chain, due, dirty)
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'horizon')
  if not head[1] then return -1 end
  if head[1] ~= epoch then return nil, head[1] end
  if head[2] then return 0 end
  local earliest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  -- What is dirty and has no time has lost it: see index-again.
  if not earliest then return redis.call('HLEN', dirty) > 0 and 0 or -1 end
  local wait = tonumber(earliest) - now
  if tonumber(earliest) < FIRST_TIME or wait < 0 or wait > (tonumber(head[3]) or 0) then return 0 end
  return wait
end

local answer = { 'next' }
for index = 1, #KEYS, 3 do
  local wait, other = wait_of(KEYS[index], KEYS[index + 1], KEYS[index + 2])
  if not wait then return { 'epoch', other } end
  answer[#answer + 1] = wait
end
return answer
