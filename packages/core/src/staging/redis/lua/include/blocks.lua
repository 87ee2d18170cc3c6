-- Who writes a row or a table, by the numbers of their transactions.
-- Needs: cache, cache_old, cache_blocks, table_field

-- A block that cannot be read is forgotten, as if the server had fallen back: its transaction drops copies when it
-- ends.
local function writers(field)
  local bytes = redis.call('HGET', cache_blocks, field)
  local is_sound, found = pcall(cmsgpack.unpack, bytes or '')
  return is_sound and type(found) == 'table' and found or {}
end

-- Copies of another stamp do not count. One that is damaged goes on from the time, so that no earlier one comes back.
local function next_stamp()
  local stamp = redis.pcall('HINCRBY', cache_blocks, 'stamp:' .. table_field, 1)
  if type(stamp) ~= 'table' then return end
  local time = redis.call('TIME')
  redis.call('HSET', cache_blocks, 'stamp:' .. table_field, time[1] * 1000000 + time[2])
end

-- No copy of these rows, and no ticket for one, counts any more. Deletions first, even of nothing: Redis then lets the rest pass when it is out of memory.
local function drop(row_keys)
  redis.call('HDEL', cache_blocks, 'nothing')
  if row_keys then
    drop_copies(row_keys)
  else
    next_stamp()
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
