-- Tells whether a batch is still as it was handed out: nobody else has got it, and none of its records was taken out.
--
-- KEYS[1] chain  KEYS[2] flight
-- ARGV  epoch, token, how often the batch had been handed out, its records
-- returns  {'same'} | {'changed'} | {'epoch', epoch}
local chain = KEYS[1]
local flight = KEYS[2]
local epoch, token, attempts, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local head = redis.call('HMGET', chain, 'epoch', 'token', 'attempts')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
if head[2] ~= token or head[3] ~= attempts or redis.call('HLEN', flight) ~= size then return { 'changed' } end
return { 'same' }
