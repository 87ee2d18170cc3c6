-- The parts of a merged record, one function each, as in merge-records.ts. None of them changes what it is given.

local function copy(map)
  local copied = {}
  for name, value in pairs(map) do
    copied[name] = value
  end
  return copied
end

-- The base, and its flag from the same record: the flag tells where the base was read.
local function merged_base(base, older, newer)
  if base == 'none' then return '', 0 end
  if base == 'newer' then return newer[BASE], newer[DOUBTFUL] end
  if older[BASE] == 'conflict' or newer[BASE] == 'conflict' then return 'conflict', 0 end
  if older[BASE] == '' and older[VERSION] == '' then return newer[BASE], newer[DOUBTFUL] end
  return older[BASE], older[DOUBTFUL]
end

local function merged_version(kind, older, newer)
  if kind == 'increment' then return '' end
  if newer[KIND] == 'increment' and older[KIND] ~= 'delete' then return older[VERSION] end
  if newer[KIND] == 'delete' then return newest(older[VERSION], newer[VERSION]) end
  local known = known_version(older)
  if newer[VERSION] ~= '' then return above(newer[VERSION], known) end
  return known == '' and '' or add(known, '1')
end

local function merged_values(row, older, newer)
  if row == 'none' then return {} end
  if row == 'newer' and not (older[KIND] == 'delete' and makes_missing(newer)) then return newer[VALUES] end
  if row == 'assign' and next(newer[VALUES]) == nil then return older[VALUES] end
  local values = copy(row == 'newer' and newer[MISSING] or older[VALUES])
  for property, value in pairs(newer[VALUES]) do
    values[property] = value
  end
  return values
end

-- As missingOf in merge-records.ts, and mergedMissing in missing.ts.
local function merged_missing(kind, row, older, newer)
  if kind ~= 'increment' and kind ~= 'update' and kind ~= 'upsert' then return nil end
  if row ~= 'assign' then return newer[MISSING] end
  if older[KIND] == 'upsert' or makes_missing(older) then return older[MISSING] end
  if makes_missing(newer) then return newer[MISSING] end
  return older[MISSING] == 'drop' and newer[MISSING] == 'drop' and 'drop' or nil
end

-- Assigning a property clears its difference. Adding adds to it.
local function merged_deltas(row, older, newer)
  if row == 'none' then return {} end
  if row == 'newer' or next(older[DELTAS]) == nil then return newer[DELTAS] end
  local deltas = copy(older[DELTAS])
  for property in pairs(newer[VALUES]) do
    deltas[property] = nil
  end
  for property, delta in pairs(newer[DELTAS]) do
    local sum = delta
    if deltas[property] then sum = add(deltas[property], delta) end
    if not sum then return nil end
    deltas[property] = sum
  end
  return deltas
end

local function merged_originals(kind, base, older, newer)
  if base == 'none' then return {} end
  if kind == 'replace' then return older[KIND] == 'increment' and newer[ORIGINALS] or older[ORIGINALS] end
  if base == 'newer' then return newer[ORIGINALS] end
  if next(newer[ORIGINALS]) == nil then return older[ORIGINALS] end
  local originals = copy(older[ORIGINALS])
  for property, original in pairs(newer[ORIGINALS]) do
    if not (originals[property] or older[VALUES][property] or older[DELTAS][property]) then originals[property] = original end
  end
  return originals
end
