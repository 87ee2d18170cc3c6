-- The pending records, layers and remembered writes of some rows. One step, because a claim moves a record from one
-- place to the other.
--
-- KEYS  chain, dirty, flight, recent, recent_old, held, of one shard after the other
-- ARGV  epoch, per shard: number of its rows, row keys ...
-- returns  {'found', per shard: token in flight or false, added parts of its batch or false, per row:
--   dirty, in flight, remembered, held (each bytes or false)} | {'epoch', epoch}
local epoch = ARGV[1]

-- include: bulk

local found, from = { 'found' }, 2

local function keys_at(first, number)
  local row_keys = {}
  for index = 1, number do
    row_keys[index] = ARGV[first + index - 1]
  end
  return row_keys
end

local function peek(head, row_keys, dirty, flight, recent, recent_old, held)
  local at, waiting, remembered, forgotten = #found, {}, {}, {}
  -- A shard without a chain has nothing pending.
  if head[1] then
    waiting, remembered, forgotten = get_all(dirty, row_keys), get_all(recent, row_keys), get_all(recent_old, row_keys)
  end
  local flying = head[1] and head[2] and get_all(flight, row_keys)
  local layers = head[1] and head[3] and head[3] ~= '0' and get_all(held, row_keys)
  found[at + 1], found[at + 2] = head[2], head[4]
  for index = 1, #row_keys do
    at = #found
    found[at + 1] = waiting[index] or false
    found[at + 2] = flying and flying[index]
    found[at + 3] = remembered[index] or forgotten[index] or false
    found[at + 4] = layers and layers[index]
  end
end

for index = 1, #KEYS, 6 do
  local head = redis.call('HMGET', KEYS[index], 'epoch', 'token', 'held', 'parts')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local row_keys = keys_at(from + 1, tonumber(ARGV[from]))
  peek(head, row_keys, unpack(KEYS, index + 1, index + 5))
  from = from + 1 + #row_keys
end
return found
