-- Counts of a shard.
--
-- KEYS[1] chain  KEYS[2] flight  KEYS[3] dead  KEYS[4] stats  KEYS[5] dirty  KEYS[6] due
-- ARGV  epoch
-- returns  {'counts', in flight, dead, changes staged, coalesced, annihilated, age of the oldest (ms) or -1,
--   dead letters that were dropped, name, count, ...} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local flight = KEYS[2]
local dead = KEYS[3]
local stats = KEYS[4]
local dirty = KEYS[5]
local due = KEYS[6]
local epoch = ARGV[1]

-- include: time
-- include: record
-- include: numbers

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'coalesced', 'annihilated', 'token', 'claimedFirstAt', 'lettersDropped', 'begun')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end

local first_at = head[5] and tonumber(head[6])
local next_row = redis.call('ZRANGE', due, 0, 0)[1]
local next_record = next_row and decode(redis.call('HGET', dirty, next_row) or '')
if next_record then first_at = math.min(first_at or next_record[FIRST_AT], next_record[FIRST_AT]) end
local age = first_at and math.max(0, now_ms() - first_at) or -1

-- A shard that was moved counts on from a number that it has not counted itself.
local staged = (count_in(head[2]) or 0) - (count_in(head[8]) or 0)
local counts = { 'counts', redis.call('HLEN', flight), redis.call('HLEN', dead), staged, head[3], head[4], age, head[7] }
for _, part in ipairs(redis.call('HGETALL', stats)) do
  counts[#counts + 1] = part
end
return counts
