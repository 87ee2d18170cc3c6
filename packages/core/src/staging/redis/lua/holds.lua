-- The holds of some shards.
--
-- KEYS  chain, holds, of one shard after the other
-- ARGV  epoch
-- returns  {'holds', shard (from 0), id, transaction, age (ms), ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: time
-- include: readable

local now = now_ms()
local answer, shard = { 'holds' }, -1
for index = 1, #KEYS, 2 do
  shard = shard + 1
  local head = redis.call('HMGET', KEYS[index], 'epoch', 'held')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local found = head[2] and redis.call('HGETALL', KEYS[index + 1]) or {}
  for at = 1, #found, 2 do
    -- Whose one is that cannot be read, nobody can find out.
    local heading = heading_in(found[at + 1])
    if heading then
      answer[#answer + 1] = shard
      answer[#answer + 1] = found[at]
      answer[#answer + 1] = heading[1]
      answer[#answer + 1] = math.max(0, now - (tonumber(heading[2]) or 0))
    end
  end
end
return answer
