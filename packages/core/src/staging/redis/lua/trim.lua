-- Drops dead letters of a shard that are too many or too old, a part of them at a time.
--
-- KEYS[1] chain  KEYS[2] due  KEYS[3] dead
-- ARGV  epoch, most letters, how long one is kept (ms) or 0
-- returns  {'trimmed', dropped letters, packed, or ''} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local due = KEYS[2]
local dead = KEYS[3]
local epoch, keep_letters, keep_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- include: time
-- include: bulk
-- include: record
-- include: draft
-- include: drop-letters

local head = redis.call('HGET', chain, 'epoch')
if not head then return { 'uninitialised' } end
if head ~= epoch then return { 'epoch', head } end
-- As in acknowledge.lua.
redis.call('HDEL', chain, 'nothing')
local dropped = drop_letters(keep_letters, keep_ms, now_ms())
write_draft()
return { 'trimmed', dropped }
