-- The holds of some shards.
--
-- KEYS  chain, holds, held, of one shard after the other
-- ARGV  epoch
-- returns  {'holds', shard (from 0), id, transaction, age (ms), ...} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: time
-- include: readable

-- If the entry of a hold cannot be read, its layers name the transaction. A hold without layers has nothing to end.
local function transaction_in(held, id)
  for _, bytes in ipairs(redis.call('HVALS', held)) do
    for _, layer in ipairs(unpack_safely(bytes) or {}) do
      if type(layer) == 'table' and layer[1] == id and type(layer[2]) == 'string' then return layer[2] end
    end
  end
  return nil
end

local now = now_ms()
local answer, shard = { 'holds' }, -1
for index = 1, #KEYS, 3 do
  shard = shard + 1
  local head = redis.call('HMGET', KEYS[index], 'epoch', 'held')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local found = head[2] and redis.call('HGETALL', KEYS[index + 1]) or {}
  for at = 1, #found, 2 do
    local heading = heading_in(found[at + 1])
    local transaction = heading and heading[1] or transaction_in(KEYS[index + 2], found[at])
    if transaction then
      local since = heading and is_count(heading[2]) and heading[2] or 0
      answer[#answer + 1] = shard
      answer[#answer + 1] = found[at]
      answer[#answer + 1] = transaction
      answer[#answer + 1] = math.max(0, now - since)
    end
  end
end
return answer
