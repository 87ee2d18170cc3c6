-- Marks of drains: scores below the first time.
-- Needs: due

-- include: numbers

local FIRST_TIME = 1000000000000

-- The smaller of a mark, or none, and that of a row, if it has one.
local function smaller_mark(mark, row_key)
  local score = redis.call('ZSCORE', due, row_key)
  if not score or tonumber(score) >= FIRST_TIME then return mark end
  return (not count_in(mark) or tonumber(score) < tonumber(mark)) and score or mark
end
