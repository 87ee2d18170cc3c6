-- Tells whether a batch is still as it was handed out: nobody else has got it, and none of its records was taken out.
--
-- KEYS  chain, flight, of one shard after the other
-- ARGV  epoch, then per shard: 3, token, how often the batch had been handed out, its records
-- returns  {'each', per shard: {'same'} | {'changed'} | {'epoch', epoch} | {'failed', what Redis says}}
local epoch = ARGV[1]
local chain, flight

-- include: each-shard

local function compare(at)
  local token, attempts, size = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'attempts')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  if head[2] ~= token or head[3] ~= attempts or redis.call('HLEN', flight) ~= size then return { 'changed' } end
  return { 'same' }
end

local answers, from = { 'each' }, 2
for at = 1, #KEYS, 2 do
  chain, flight = KEYS[at], KEYS[at + 1]
  answers[#answers + 1], from = answer_of(compare, from)
end
return answers
