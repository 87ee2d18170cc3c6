-- What transactions that have not ended hold of a row: its layers, { hold, transaction, record } each, the oldest first, as in held-layer.ts.
-- Needs: held, and what record brings

local HOLD, TRANSACTION, RECORD = 1, 2, 3

local any_held, no_layers = false, {}

-- nil: they cannot be read.
local function layers_in(bytes)
  local layers = unpack_safely(bytes)
  for _, layer in ipairs(layers or no_layers) do
    local record = type(layer) == 'table' and type(layer[HOLD]) == 'string' and type(layer[TRANSACTION]) == 'string' and layer[RECORD]
    if type(record) ~= 'table' or not is_record(record) then return nil end
  end
  return layers
end

-- Those of a row, or none; and their bytes, if there are any.
local function load_layers(row_key)
  local bytes = any_held and redis.call('HGET', held, row_key)
  return bytes and layers_in(bytes) or no_layers, bytes
end

local function write_layers(row_key, layers)
  if #layers == 0 then
    redis.call('HDEL', held, row_key)
  else
    redis.call('HSET', held, row_key, cmsgpack.pack(layers))
  end
end

-- Whether what others hold keeps a change out; differences commute.
local function is_kept_out(layers, mine, kind)
  for _, layer in ipairs(layers) do
    if layer[TRANSACTION] ~= mine and not (kind == 'increment' and layer[RECORD][KIND] == 'increment') then return true end
  end
  return false
end

-- The layers of a transaction that stand on their own, laid over what is dirty. False: a sum, or a version, leaves int64.
local function with_layers(record, layers, mine)
  for _, layer in ipairs(layers) do
    if layer[TRANSACTION] == mine and record ~= false then
      if record then record = merge(record, layer[RECORD]) or false else record = layer[RECORD] end
    end
  end
  return record
end

-- Why a change of a row is refused for what is held of it; nil: it is not.
local function kept_out_because(row, mine, kind)
  if #row.layers == 0 then return nil end
  return is_kept_out(row.layers, mine, kind) and 'held' or row.is_too_much and 'overflow' or nil
end
