-- Tells if a row that was marked at or before a watermark is still pending, and how often marked records of the shard
-- have been put off.
--
-- KEYS[1] chain  KEYS[2] due
-- ARGV  epoch, watermark
-- returns  {'pending' | 'nothing', times} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local due = KEYS[2]
local epoch, watermark = ARGV[1], ARGV[2]

local head = redis.call('HMGET', chain, 'epoch', 'mark', 'putOff')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local in_flight = head[2] and (tonumber(head[2]) or 0) <= tonumber(watermark)
if in_flight or redis.call('ZCOUNT', due, '-inf', watermark) > 0 then return { 'pending', head[3] or '0' } end
return { 'nothing', head[3] or '0' }
