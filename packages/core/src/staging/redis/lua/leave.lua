-- Ends the staging of entities, or lets it begin again. An entity is left only if it has no pending or held change, and
-- was not staged within the quiet time.
--
-- KEYS[1] chain  KEYS[2] stats
-- ARGV  epoch, 'look' | 'leave' | 'rejoin', how long it must not have been staged (ms), entities ...
-- returns  {'leaving', 'left' (or it could be) | 'staged', ... for each entity} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local stats = KEYS[2]
local epoch, act, quiet = ARGV[1], ARGV[2], tonumber(ARGV[3])

-- include: time
-- include: numbers

local head = redis.call('HGET', chain, 'epoch')
if not head then return { 'uninitialised' } end
if head ~= epoch then return { 'epoch', head } end

local function may_leave(entity)
  local known = redis.call('HMGET', chain, 'f:' .. entity, 't:' .. entity)
  if known[1] == 'left' then return true end
  local counts = redis.call('HMGET', stats, 'p:' .. entity, 'h:' .. entity)
  if (tonumber(counts[1] or 0) or 1) > 0 or (tonumber(counts[2] or 0) or 1) > 0 then return false end
  return not known[2] or now_ms() - (count_in(known[2]) or 0) >= quiet
end

local answer = { 'leaving' }
-- All counts are read before anything is written.
redis.call('HLEN', stats)
for index = 4, #ARGV do
  local entity = ARGV[index]
  answer[index - 2] = 'left'
  if act == 'rejoin' then
    -- An entity that is staged keeps its policy: it tells what the records mean.
    if redis.call('HGET', chain, 'f:' .. entity) == 'left' then redis.call('HDEL', chain, 'f:' .. entity, 't:' .. entity) end
  elseif not may_leave(entity) then
    answer[index - 2] = 'staged'
  elseif act == 'leave' then
    redis.call('HSET', chain, 'f:' .. entity, 'left')
  end
end
return answer
