-- Tells if a row that was marked at or before a watermark is still pending, and how often marked records of the shard
-- have been put off.
--
-- KEYS  chain, due, of one shard after the other
-- ARGV  epoch, then per shard: 1, watermark
-- returns  {'each', per shard: {'pending' | 'nothing', times} | {'uninitialised'} | {'epoch', epoch} |
--   {'failed', what Redis says}}
local epoch = ARGV[1]
local chain, due

-- include: each-shard

local function look(at)
  local watermark = ARGV[at]
  local head = redis.call('HMGET', chain, 'epoch', 'mark', 'putOff')
  if not head[1] then return { 'uninitialised' } end
  if head[1] ~= epoch then return { 'epoch', head[1] } end
  local in_flight = head[2] and (tonumber(head[2]) or 0) <= tonumber(watermark)
  if in_flight or redis.call('ZCOUNT', due, '-inf', watermark) > 0 then return { 'pending', head[3] or '0' } end
  return { 'nothing', head[3] or '0' }
end

local answers, from = { 'each' }, 2
for at = 1, #KEYS, 2 do
  chain, due = KEYS[at], KEYS[at + 1]
  answers[#answers + 1], from = answer_of(look, from)
end
return answers
