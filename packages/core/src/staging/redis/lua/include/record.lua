-- The parts of a record by position; the same array as in record-codec.ts. A change has its row key where a record has its codec version.
-- An absent base or version is an empty text, because a Lua array ends at its first nil.
local CODEC = 1
local KIND, ENTITY, BASE, VERSION, VALUES, DELTAS, ORIGINALS = 2, 3, 4, 5, 6, 7, 8
local FIRST, LAST, FIRST_AT, MERGED, ATTEMPTS, DOUBTFUL = 9, 10, 11, 12, 13, 14

local function is_record(record)
  return type(record) == 'table' and record[1] == CODEC and #record == 14 and type(record[ENTITY]) == 'string'
end

-- nil: these bytes are no record that this release reads.
local function decode(bytes)
  local ok, record = pcall(cmsgpack.unpack, bytes)
  return ok and is_record(record) and record or nil
end
