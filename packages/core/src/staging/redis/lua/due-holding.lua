-- The shards in which a record is pending, by the counts of all entities but some; or in which any layer is held.
--
-- KEYS  chain, stats, of one shard after the other
-- ARGV  epoch, entities that are left out ...
-- returns  {'holding', number of the shard, ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: holds-any

local left_out = counts_of(2, #ARGV)
local answer, shard = { 'holding' }, 0
for index = 1, #KEYS, 2 do
  local chain, stats = KEYS[index], KEYS[index + 1]
  local head = redis.pcall('HMGET', chain, 'epoch', 'held')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local is_held = head[2] and (tonumber(head[2]) or 1) > 0
  if head.err or (head[1] and (is_held or holds_any(stats, left_out))) then answer[#answer + 1] = shard end
  shard = shard + 1
end
return answer
