-- The pending records, layers and remembered writes of some rows. One step, because a claim moves a record from one
-- place to the other.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] recent  KEYS[5] recent_old  KEYS[6] held
-- ARGV  epoch, row keys ...
-- returns  {'found', token in flight or false, added parts of its batch or '', then per row:
--   dirty, in flight, remembered, held (each bytes or false)} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local recent = KEYS[4]
local recent_old = KEYS[5]
local held = KEYS[6]
local epoch = ARGV[1]

-- include: bulk

local head = redis.call('HMGET', chain, 'epoch', 'token', 'held', 'parts')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local row_keys = {}
for index = 2, #ARGV do
  row_keys[index - 1] = ARGV[index]
end
local waiting, remembered, forgotten = get_all(dirty, row_keys), get_all(recent, row_keys), get_all(recent_old, row_keys)
local flying = head[2] and get_all(flight, row_keys)
local layers = head[3] and head[3] ~= '0' and get_all(held, row_keys)

local found = { 'found', head[2], head[4] or '' }
for index = 1, #row_keys do
  found[#found + 1] = waiting[index]
  found[#found + 1] = flying and flying[index]
  found[#found + 1] = remembered[index] or forgotten[index]
  found[#found + 1] = layers and layers[index]
end
return found
