-- The rows of a scope that drains have marked, or all dirty ones; and the rows in flight.
--
-- KEYS[1] chain  KEYS[2] due  KEYS[3] flight
-- ARGV  epoch, 'made-due' | 'pending', 'all' | 'tables', beginnings of row keys ...
-- returns  {'rows', row key ...} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local due = KEYS[2]
local flight = KEYS[3]
local epoch, which, scope = ARGV[1], ARGV[2], ARGV[3]

-- include: in-scope

local BEFORE_TIME = '(1000000000000'

local head = redis.call('HGET', chain, 'epoch')
if not head then return { 'uninitialised' } end
if head ~= epoch then return { 'epoch', head } end
want(4, #ARGV)
local found, latest = { 'rows' }, which == 'pending' and '+inf' or BEFORE_TIME
for _, rows in ipairs({ redis.call('ZRANGEBYSCORE', due, '-inf', latest), redis.call('HKEYS', flight) }) do
  for _, row_key in ipairs(rows) do
    if in_scope(row_key) then found[#found + 1] = row_key end
  end
end
return found
