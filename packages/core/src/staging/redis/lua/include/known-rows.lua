-- The rows of a batch that its caller has read, and that are simply applied: known-rows.ts. They are settled without
-- decoding their records again.
-- Needs: any_held, any_void, and what bulk, remember, counts and readable bring

-- What a row takes in the list: row key, version or '', 1 if it was deleted, last stage sequence.
local ROW_PARTS = 4
local NO_ROWS = { rows = {}, entities = {} }

-- None if something was added to the batch or taken out of it since the caller got it, or may be held above it.
-- `size`: the records that are in flight.
local function known_rows(packed, parts, size)
  if any_held or not parts or #parts > 0 then return NO_ROWS end
  local given = packed and unpack_safely(packed)
  if not given or given[1] ~= size then return NO_ROWS end
  return { rows = given[2], entities = given[3] }
end

-- Answers row key, bytes, ... to remember. What is remembered of a row already is looked at only where it matters: the
-- row has no version, or has void ones.
local function settle_known(known, written)
  for index = 1, #known.entities, 2 do
    count(known.entities[index], -known.entities[index + 1])
  end
  local rows, fresh = known.rows, {}
  for index = 1, #rows, ROW_PARTS do
    local row_key, version, deleted, sequence = rows[index], rows[index + 1], rows[index + 2], rows[index + 3]
    if any_void or version == '' then
      remember(written, row_key, version, deleted == 1, sequence)
    else
      fresh[#fresh + 1] = row_key
      fresh[#fresh + 1] = cmsgpack.pack({ version, deleted, sequence })
    end
  end
  return fresh
end

local function is_known(known, row_key)
  if not known.keys then
    known.keys = {}
    for index = 1, #known.rows, ROW_PARTS do
      known.keys[known.rows[index]] = true
    end
  end
  return known.keys[row_key]
end

-- The other records of the batch: row key, bytes, ...
local function without_known(records, known)
  if #known.rows / ROW_PARTS == #records / 2 then return {} end
  local rest = {}
  for index = 1, #records, 2 do
    if not is_known(known, records[index]) then append(rest, records[index], records[index + 1]) end
  end
  return rest
end

-- `remembered` and what the other records have written: row key, bytes, ...
local function with_written(remembered, written)
  for row_key, bytes in pairs(written) do
    append(remembered, row_key, bytes)
  end
  return remembered
end
