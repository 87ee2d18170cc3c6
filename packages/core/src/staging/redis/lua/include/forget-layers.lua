-- Takes layers off rows.
-- Needs: chain, stats, held, and what held brings

-- include: numbers

-- What is held of all rows, and of those of one entity.
local function held_again(entity)
  local found = 0
  for _, bytes in ipairs(redis.call('HVALS', held)) do
    for _, layer in ipairs(layers_in(bytes) or {}) do
      if not entity or layer[RECORD][ENTITY] == entity then found = found + 1 end
    end
  end
  return found
end

-- So many layers more, or less, are held; they have been written, or taken off.
local function count_held(layers, difference)
  local by_entity = {}
  for _, layer in ipairs(layers) do
    local entity = layer[RECORD][ENTITY]
    by_entity[entity] = (by_entity[entity] or 0) + difference
  end
  for entity, sum in pairs(by_entity) do
    increase(stats, 'h:' .. entity, sum, function() return held_again(entity) end)
  end
  if #layers > 0 then increase(chain, 'held', #layers * difference, held_again) end
end

-- The layers of a row without those that are unwanted, which are counted out and answered.
local function take_layers(row_key, is_wanted)
  local kept, taken = {}, {}
  for _, layer in ipairs(load_layers(row_key)) do
    append(is_wanted(layer) and taken or kept, layer)
  end
  if #taken > 0 then write_layers(row_key, kept) end
  count_held(taken, -1)
  return taken
end

-- A hold that was rolled back with a savepoint, or that the transaction knows nothing of, must not be built upon.
local function forget_fallen(row_keys, transaction, earlier)
  local stands = {}
  for _, id in ipairs(earlier) do
    stands[id] = true
  end
  for _, row_key in ipairs(row_keys) do
    take_layers(row_key, function(layer) return layer[TRANSACTION] == transaction and not stands[layer[HOLD]] end)
  end
end
