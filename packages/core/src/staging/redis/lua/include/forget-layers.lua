-- Takes layers off rows.
-- Needs: chain, stats, and what held, draft and counts bring

-- The layers of a row without those that are unwanted, which are counted out and answered. nil: they cannot be read.
local function take_layers(row_key, is_wanted)
  local layers = load_layers(row_key)
  if not layers then return nil end
  local kept, taken = {}, {}
  for _, layer in ipairs(layers) do
    append(is_wanted(layer) and taken or kept, layer)
  end
  for _, layer in ipairs(taken) do
    local name = 'h:' .. layer[RECORD][ENTITY]
    put(counts, name, (counts[name] or 0) - 1)
  end
  if #taken > 0 then
    write_layers(row_key, kept)
    put(chain_counts, 'held', (chain_counts.held or 0) - #taken)
  end
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
