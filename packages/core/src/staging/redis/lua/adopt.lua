-- Starts the chain of a shard, if it has none, and drops its copies. Redis may have forgotten a batch that was written,
-- and the copies may be older than that batch.
--
-- KEYS[1] chain  KEYS[2] cache  KEYS[3] cache_old
-- ARGV  epoch, last token that the database knows
-- returns  {'adopted'} | {'present'} | {'epoch', epoch}
local chain = KEYS[1]
local cache = KEYS[2]
local cache_old = KEYS[3]
local epoch, last_token = ARGV[1], ARGV[2]

-- include: time

local present = redis.call('HGET', chain, 'epoch')
if present then return present == epoch and { 'present' } or { 'epoch', present } end
local now = now_ms()
redis.call('DEL', cache, cache_old)
redis.call('HSET', chain, 'epoch', epoch, 'last', last_token, 'sequence', 0, 'horizon', 0, 'coalesced', 0, 'annihilated', 0, 'seenAt', now, 'recentAt', now, 'since', now)
return { 'adopted' }
