-- The shards in which a record is pending, by the counts of all entities but some; or in which any layer is held.
--
-- KEYS  chain, stats, of one shard after the other
-- ARGV  epoch, entities that are left out ...
-- returns  {'holding', number of the shard, ...} | {'epoch', epoch}
local epoch = ARGV[1]

local left_out = {}
for index = 2, #ARGV do
  left_out['p:' .. ARGV[index]] = true
end

-- A count that cannot be read counts as pending: a shard that is left out here is not looked at.
local function holds_any(stats)
  local counts = redis.pcall('HGETALL', stats)
  if counts.err then return true end
  for index = 1, #counts, 2 do
    local name = counts[index]
    local is_wanted = string.sub(name, 1, 2) == 'p:' and not left_out[name]
    if is_wanted and (tonumber(counts[index + 1]) or 1) > 0 then return true end
  end
  return false
end

local answer, shard = { 'holding' }, 0
for index = 1, #KEYS, 2 do
  local chain, stats = KEYS[index], KEYS[index + 1]
  local head = redis.pcall('HMGET', chain, 'epoch', 'held')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local is_held = head[2] and (tonumber(head[2]) or 1) > 0
  if head.err or (head[1] and (is_held or holds_any(stats))) then answer[#answer + 1] = shard end
  shard = shard + 1
end
return answer
