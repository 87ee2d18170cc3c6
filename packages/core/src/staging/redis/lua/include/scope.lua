-- Which rows a drain is about, told by the row key alone.
-- Needs: due, flight, scope, mark, and ARGV from the sixth

local FIRST_TIME = 1000000000000
local BEFORE_TIME = '(1000000000000'

local wanted = {}
for index = 6, #ARGV do
  wanted[ARGV[index]] = true
end

-- A row key is a JSON array of schema, table and key, so that its beginning up to the comma after the table names the table.
local function in_scope(row_key)
  if scope == 'all' then return true end
  if scope == 'rows' then return wanted[row_key] end
  for beginning in pairs(wanted) do
    if string.sub(row_key, 1, #beginning) == beginning then return true end
  end
  return false
end

-- Unmarked rows by time, never ending between rows of one time, and where to go on, or ''.
local function rows_from(from, limit)
  local rows = redis.call('ZRANGEBYSCORE', due, from, '+inf', 'LIMIT', 0, limit)
  if #rows < limit then return rows, '' end
  local last = redis.call('ZSCORE', due, rows[#rows])
  return redis.call('ZRANGEBYSCORE', due, from, last), '(' .. last
end

-- Mark and row key of the wanted rows that are not marked.
local function rows_with_score()
  local found = {}
  for row_key in pairs(wanted) do
    local score = redis.call('ZSCORE', due, row_key)
    if score and tonumber(score) >= FIRST_TIME then append(found, mark, row_key) end
  end
  return found
end

-- Whether an earlier drain has marked rows of the scope that are still there.
local function any_marked()
  for _, row_key in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', BEFORE_TIME)) do
    if in_scope(row_key) then return true end
  end
  return false
end

local function any_in_flight()
  for _, row_key in ipairs(redis.call('HKEYS', flight)) do
    if in_scope(row_key) then return true end
  end
  return false
end
