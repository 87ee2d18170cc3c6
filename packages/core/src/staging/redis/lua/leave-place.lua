-- Removes all of a shard that has been moved, but for the chain, by which processes with the old map are refused.
-- Removes nothing if something has come here since the shard was closed: Redis has then fallen back to before that.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] held  KEYS[5] dead  KEYS[6] due  KEYS[7] seen  KEYS[8] seen_old
-- KEYS[9] recent  KEYS[10] recent_old  KEYS[11] stats  KEYS[12] holds  KEYS[13] cache  KEYS[14] cache_old
-- KEYS[15] cache_blocks
-- ARGV  epoch of the closed shard
-- returns  {'left'} | {'pending'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local held = KEYS[4]
local dead = KEYS[5]
local due = KEYS[6]
local seen = KEYS[7]
local seen_old = KEYS[8]
local recent = KEYS[9]
local recent_old = KEYS[10]
local stats = KEYS[11]
local holds = KEYS[12]
local cache = KEYS[13]
local cache_old = KEYS[14]
local cache_blocks = KEYS[15]
local epoch = ARGV[1]

local known = redis.call('HGET', chain, 'epoch')
if known and known ~= epoch then return { 'epoch', known } end
if redis.call('EXISTS', dirty, flight, held, dead) > 0 then return { 'pending' } end
redis.call('DEL', due, seen, seen_old, recent, recent_old, stats, holds, cache, cache_old, cache_blocks)
return { 'left' }
