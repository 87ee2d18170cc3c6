-- Tells layers what became of the record beneath them, as retold in held-layer.ts.
-- Needs: dirty, and what settle and held bring

local function known_dirty(row_key)
  local bytes = value_of(dirty, row_key)
  local record = bytes and decode(bytes)
  return record and known_version(record) or ''
end

local function follow(record, before, after)
  if after == '' or after == before or record[BASE] ~= before then return end
  record[BASE] = after
  raise(record, after)
end

local function tell(record, flown, outcome, before, after)
  if before ~= '' then return follow(record, before, after) end
  local kind = outcome and outcome[1] or 'applied'
  if record[BASE] == '' or record[BASE] == 'conflict' then return end
  if kind == 'version' then
    follow_row(record, flown, outcome[OUTCOME_VERSION])
  elseif (kind == 'superseded' or kind == 'buried') and after == '' then
    record[BASE] = 'conflict'
    if record[DOUBTFUL] == ROW_BASE then record[DOUBTFUL] = 0 end
    raise(record, outcome[OUTCOME_VERSION])
  end
end

-- `before`: the version that was dirty above the record before the record was settled.
local function retell(row_key, flown, outcome, before)
  local layers = load_layers(row_key)
  if not layers or #layers == 0 then return end
  local old, new
  for _, layer in ipairs(layers) do
    local record = layer[RECORD]
    local version = record[VERSION]
    if old then
      follow(record, old, new)
    else
      tell(record, flown, outcome, before, known_dirty(row_key))
    end
    if version ~= '' then old, new = version, record[VERSION] end
  end
  write_layers(row_key, layers)
end
