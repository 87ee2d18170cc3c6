-- Counts of a shard.
--
-- KEYS[1] chain  KEYS[2] flight  KEYS[3] dead  KEYS[4] stats
-- ARGV  epoch
-- returns  {'counts', in flight, dead, changes staged, coalesced, annihilated, name, count, ...} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local flight = KEYS[2]
local dead = KEYS[3]
local stats = KEYS[4]
local epoch = ARGV[1]

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'coalesced', 'annihilated')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local counts = { 'counts', redis.call('HLEN', flight), redis.call('HLEN', dead), head[2], head[3], head[4] }
for _, part in ipairs(redis.call('HGETALL', stats)) do
  counts[#counts + 1] = part
end
return counts
