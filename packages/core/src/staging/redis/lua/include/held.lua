-- The layers of a row: changes of transactions that have not ended, { hold, transaction, record } each, the oldest
-- first, as in held-layer.ts.
-- Needs: held, and what record, and plain or draft bring; to write layers, draft

-- include: list

local HOLD, TRANSACTION, RECORD = 1, 2, 3

local any_held, no_layers = false, {}

-- Entity -> difference in the number of layers; written by forget-layers. `must_recount_held`: layers that cannot be
-- read were taken off.
local held_counts, must_recount_held = {}, false

-- nil: they cannot be read. A row without layers has no entry.
local function layers_in(bytes)
  local layers = unpack_safely(bytes)
  if not layers or (length_of(layers) or 0) == 0 then return nil end
  for _, layer in ipairs(layers) do
    local record = type(layer) == 'table' and type(layer[HOLD]) == 'string' and type(layer[TRANSACTION]) == 'string' and layer[RECORD]
    if type(record) ~= 'table' or not is_record(record) then return nil end
  end
  return layers
end

local function load_layers(row_key)
  local bytes = any_held and value_of(held, row_key)
  if not bytes then return no_layers end
  return layers_in(bytes)
end

local function write_layers(row_key, layers)
  set_value(held, row_key, #layers > 0 and cmsgpack.pack(layers))
end

-- True if a layer of another transaction keeps the change out. Differences commute, so they pass.
local function is_kept_out(layers, mine, kind)
  for _, layer in ipairs(layers) do
    if layer[TRANSACTION] ~= mine and not (kind == 'increment' and layer[RECORD][KIND] == 'increment') then return true end
  end
  return false
end

-- The dirty record, or nil, with the transaction's own layers merged over it. False: a sum, or a version, leaves int64.
local function with_layers(record, layers, mine)
  for _, layer in ipairs(layers) do
    if layer[TRANSACTION] == mine and record ~= false then
      if record then record = merge(record, layer[RECORD]) or false else record = layer[RECORD] end
    end
  end
  return record
end

local function holds_any(layers, mine)
  for _, layer in ipairs(layers) do
    if layer[TRANSACTION] == mine then return true end
  end
  return false
end

-- Why the layers of a row refuse a change; nil: they do not.
local function kept_out_because(row, mine, kind)
  if #row.layers == 0 then return nil end
  return is_kept_out(row.layers, mine, kind) and 'held' or row.is_too_much and 'overflow' or nil
end
