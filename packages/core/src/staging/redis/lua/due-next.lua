-- When each of some shards wants a flush: milliseconds from now, 0 also for a batch in flight, -1 for never.
--
-- KEYS  chain, due, of one shard after the other
-- ARGV  epoch
-- returns  {'next', wait, ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: time

local FIRST_TIME = 1000000000000
local now = now_ms()

local function wait_of(chain, due)
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'horizon')
  if not head[1] then return -1 end
  if head[1] ~= epoch then return nil, head[1] end
  if head[2] then return 0 end
  local earliest = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
  if not earliest then return -1 end
  local wait = math.ceil(tonumber(earliest) - now)
  if tonumber(earliest) < FIRST_TIME or wait < 0 or wait > tonumber(head[3]) then return 0 end
  return wait
end

local answer = { 'next' }
for index = 1, #KEYS, 2 do
  local wait, other = wait_of(KEYS[index], KEYS[index + 1])
  if not wait then return { 'epoch', other } end
  answer[#answer + 1] = wait
end
return answer
