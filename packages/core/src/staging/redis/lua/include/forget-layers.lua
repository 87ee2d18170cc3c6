-- Takes layers off rows.
-- Needs: chain, stats, held, and what held and draft bring

local function count_held(layer, difference)
  local entity = layer[RECORD][ENTITY]
  put(held_counts, entity, (held_counts[entity] or 0) + difference)
end

-- Counts all layers anew. A row whose layers cannot be read counts as one layer, of no entity.
local function recount_held()
  local found, numbers, all = {}, {}, 0
  for _, name in ipairs(redis.call('HKEYS', stats)) do
    if string.sub(name, 1, 2) == 'h:' then found[name] = 0 end
  end
  for _, bytes in ipairs(redis.call('HVALS', held)) do
    local layers = layers_in(bytes)
    all = all + (layers and #layers or 1)
    for _, layer in ipairs(layers or no_layers) do
      local name = 'h:' .. layer[RECORD][ENTITY]
      found[name] = (found[name] or 0) + 1
    end
  end
  for name, number in pairs(found) do
    append(numbers, name, number)
  end
  send('HSET', stats, numbers)
  redis.call('HSET', chain, 'held', all)
end

-- Call it after everything else is written, as in counts.lua.
local function write_held_counts()
  local all = 0
  local function change(key, field, difference)
    local sum = difference ~= 0 and redis.pcall('HINCRBY', key, field, difference)
    if type(sum) == 'table' then must_recount_held = true end
  end
  for entity, difference in pairs(held_counts) do
    all = all + difference
    change(stats, 'h:' .. entity, difference)
  end
  change(chain, 'held', all)
  if must_recount_held then pcall(recount_held) end
end

-- Takes the wanted layers off a row, counts them out, and answers them. nil: the layers cannot be read.
local function take_layers(row_key, is_wanted)
  local layers = load_layers(row_key)
  if not layers then return nil end
  local kept, taken = {}, {}
  for _, layer in ipairs(layers) do
    append(is_wanted(layer) and taken or kept, layer)
  end
  for _, layer in ipairs(taken) do
    count_held(layer, -1)
  end
  if #taken > 0 then write_layers(row_key, kept) end
  return taken
end

-- Drops the transaction's layers that do not stand. New changes must not lie on a hold that was rolled back with a
-- savepoint, or that the transaction knows nothing of.
local function forget_fallen(row_keys, transaction, earlier)
  local stands = {}
  for _, id in ipairs(earlier) do
    stands[id] = true
  end
  for _, row_key in ipairs(row_keys) do
    take_layers(row_key, function(layer) return layer[TRANSACTION] == transaction and not stands[layer[HOLD]] end)
  end
end
