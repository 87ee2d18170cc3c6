-- The transactions that write a row or a table, by their numbers.
-- Needs: cache, cache_old, cache_blocks, table_field, and what time brings

-- include: readable
-- include: numbers

-- A block that cannot be read is forgotten, as if the server had fallen back: its transaction drops copies when it
-- ends.
local function writers(field)
  local bytes = redis.call('HGET', cache_blocks, field)
  return bytes and unpack_safely(bytes) or {}
end

-- Makes every copy of these rows, and every ticket for one, void. Deletions first, even of nothing: Redis then takes
-- the rest when it is out of memory.
local function drop(row_keys)
  redis.call('HDEL', cache_blocks, 'nothing')
  if row_keys then
    drop_copies(row_keys)
  else
    increase(cache_blocks, 'stamp:' .. table_field, 1, now_ms)
  end
end

-- The fields of rows, or of their whole table.
local function fields_of(row_keys)
  if not row_keys then return { 'table:' .. table_field } end
  local fields = {}
  for index, row_key in ipairs(row_keys) do
    fields[index] = 'row:' .. row_key
  end
  return fields
end

-- The row keys among the arguments from a position; nil for the whole table.
local function rows_of(from)
  if #ARGV < from then return nil end
  local row_keys = {}
  for index = from, #ARGV do
    row_keys[index - from + 1] = ARGV[index]
  end
  return row_keys
end
