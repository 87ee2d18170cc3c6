-- Finds the rows of a drain.
-- Needs: due, flight, scope, and what in-scope needs

-- include: in-scope
-- include: pause

local FIRST_TIME = 1000000000000
local BEFORE_TIME = '(1000000000000'

local function in_pairs(found)
  local rows = {}
  for index = 1, #found, 2 do
    rows[#rows + 1] = { found[index], found[index + 1] }
  end
  return rows
end

-- Unmarked rows by time, each with its time, and the score to go on from, or ''. Rows of one time stay together.
local function rows_from(from, limit)
  local found = redis.call('ZRANGEBYSCORE', due, from, '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  if #found < 2 * limit then return in_pairs(found), '' end
  local last = found[#found]
  return in_pairs(redis.call('ZRANGEBYSCORE', due, from, last, 'WITHSCORES')), '(' .. last
end

-- The wanted rows that are not marked, each with its time.
local function rows_with_score()
  local found = {}
  for row_key in pairs(wanted) do
    local score = redis.call('ZSCORE', due, row_key)
    if score and tonumber(score) >= FIRST_TIME then found[#found + 1] = { row_key, score } end
  end
  return found
end

-- True if an earlier drain has marked rows of the scope that are still there.
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
