-- Which rows a drain is about.
-- Needs: due, flight, scope, mark, and what in-scope needs

-- include: in-scope

local FIRST_TIME = 1000000000000
local BEFORE_TIME = '(1000000000000'

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
