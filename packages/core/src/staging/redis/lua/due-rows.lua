-- The rows of a scope that drains have marked, and those in flight.
--
-- KEYS[1] chain  KEYS[2] due  KEYS[3] flight
-- ARGV  epoch, 'all' | 'tables', beginnings of row keys ...
-- returns  {'rows', row key ...} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local due = KEYS[2]
local flight = KEYS[3]
local epoch, scope = ARGV[1], ARGV[2]

local WANTED_FROM = 3

-- include: in-scope

local BEFORE_TIME = '(1000000000000'

local head = redis.call('HGET', chain, 'epoch')
if not head then return { 'uninitialised' } end
if head ~= epoch then return { 'epoch', head } end
local found = { 'rows' }
for _, rows in ipairs({ redis.call('ZRANGEBYSCORE', due, '-inf', BEFORE_TIME), redis.call('HKEYS', flight) }) do
  for _, row_key in ipairs(rows) do
    if in_scope(row_key) then found[#found + 1] = row_key end
  end
end
return found
