-- The parts of a record by position; the same array as in record-codec.ts. A change has its row key where a record
-- has its codec version. An absent base or version is an empty text, because a Lua array ends at its first nil.
local CODEC, WITH_MISSING = 1, 2
local KIND, ENTITY, BASE, VERSION, VALUES, DELTAS, ORIGINALS = 2, 3, 4, 5, 6, 7, 8
local FIRST, LAST, FIRST_AT, MERGED, ATTEMPTS, DOUBTFUL = 9, 10, 11, 12, 13, 14
-- The values at DOUBTFUL, or 0. ROW_BASE: the base is a row's version that was read in the database. A change has it
-- behind its originals.
local IN_DOUBT, ROW_BASE = 1, 2
local CHANGE_FLAG = 9
-- How to treat a missing row: 'drop', or the map of values that makes it. Only records of codec 2 have it.
local MISSING, CHANGE_MISSING = 15, 10

-- include: readable

-- The first byte of a record, an array of 14, or of 15, in its shortest form. A Lua array does not tell how long it
-- was, because it may have ended with nils.
local FIRST_BYTE, WITH_MISSING_FIRST = 158, 159

local KINDS = { insert = true, update = true, upsert = true, replace = true, delete = true, increment = true }

-- Names of entities that are known to be UTF-8: many records have the same.
local entity_names = {}

local function is_entity(name)
  if type(name) ~= 'string' then return false end
  if not entity_names[name] then entity_names[name] = is_text(name) end
  return entity_names[name]
end

local function is_record(record)
  local missing = record[MISSING]
  if record[1] ~= CODEC and record[1] ~= WITH_MISSING then return false end
  if (record[1] == CODEC) ~= (missing == nil) then return false end
  if missing ~= nil and missing ~= 'drop' and not is_map(missing) then return false end
  local kind, entity, base = record[KIND], record[ENTITY], record[BASE]
  if type(kind) ~= 'string' or not KINDS[kind] or not is_entity(entity) then return false end
  if base ~= 'conflict' and not is_version(base) then return false end
  if not is_version(record[VERSION]) then return false end
  if not is_map(record[VALUES]) or not is_map(record[DELTAS], true) or not is_map(record[ORIGINALS]) then return false end
  for part = FIRST, DOUBTFUL do
    if not is_count(record[part]) then return false end
  end
  return true
end

-- nil: these bytes are no record that this release reads. One definition holds here and in record-codec.ts, and a
-- test gives both the same bytes.
local function decode(bytes)
  local first = string.byte(bytes, 1)
  if first ~= FIRST_BYTE and first ~= WITH_MISSING_FIRST then return nil end
  local record = unpack_safely(bytes)
  return record and (first == FIRST_BYTE) == (record[1] == CODEC) and is_record(record) and record or nil
end

-- True if the record makes its row where it is missing.
local function makes_missing(record)
  return type(record[MISSING]) == 'table'
end
