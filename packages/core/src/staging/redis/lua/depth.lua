-- How much waits in a shard, and since when: by entity, as far as the records tell that are due first.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] dead
-- ARGV  epoch, how many of the due records are looked at
-- returns  {'depth', dirty, in flight, dead, entity, age of its oldest (ms), ...} | {'uninitialised'} |
--   {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local dead = KEYS[5]
local epoch, most = ARGV[1], tonumber(ARGV[2])

-- include: time
-- include: record

local theirs = redis.call('HGET', chain, 'epoch')
if not theirs then return { 'uninitialised' } end
if theirs ~= epoch then return { 'epoch', theirs } end

local now = now_ms()
local oldest, entities = {}, {}
for _, row_key in ipairs(redis.call('ZRANGE', due, 0, most - 1)) do
  local record = decode(redis.call('HGET', dirty, row_key) or '')
  local entity = record and record[ENTITY]
  if entity and not oldest[entity] then entities[#entities + 1] = entity end
  if entity then oldest[entity] = math.max(oldest[entity] or 0, now - record[FIRST_AT]) end
end

local answer = { 'depth', redis.call('HLEN', dirty), redis.call('HLEN', flight), redis.call('HLEN', dead) }
for _, entity in ipairs(entities) do
  answer[#answer + 1] = entity
  answer[#answer + 1] = oldest[entity]
end
return answer
