-- Takes a shard over from a release with an older layout, whose processes are refused from then on. Records and keys
-- are the same. That release ends batches without dropping copies, so the copies go.
--
-- KEYS[1] chain  KEYS[2] cache  KEYS[3] cache_old
-- ARGV  epoch, epoch of the older layout
-- returns  {'converted'} | {'present'}
local chain = KEYS[1]
local cache = KEYS[2]
local cache_old = KEYS[3]
local epoch, older = ARGV[1], ARGV[2]

if redis.call('HGET', chain, 'epoch') ~= older then return { 'present' } end
redis.call('DEL', cache, cache_old)
redis.call('HSET', chain, 'epoch', epoch)
return { 'converted' }
