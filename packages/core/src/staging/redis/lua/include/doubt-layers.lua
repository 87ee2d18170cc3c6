-- Doubts the layers of all rows when everything is parked, as layersInDoubt in held-layer.ts: Redis may have forgotten
-- that they were staged.
-- Needs: held, and what merge and held bring

local function doubt_layers(pending)
  any_held = true
  for _, row_key in ipairs(redis.call('HKEYS', held)) do
    local layers, is_lowest = load_layers(row_key), true
    -- Layers that cannot be read stay as they are, until their holds end.
    for _, layer in ipairs(layers or no_layers) do
      local record = layer[RECORD]
      record[DOUBTFUL] = 1
      if is_lowest and pending[row_key] and record[BASE] ~= '' then record[BASE] = 'conflict' end
      if record[VERSION] ~= '' then is_lowest = false end
    end
    if layers then write_layers(row_key, layers) end
  end
end
