-- Versions and sums are decimal texts of 64 bits, more than Lua's numbers hold. Redis adds large ones, on a scratch
-- field that is gone again before the script ends.
-- Needs: stats

local function compare(left, right)
  if #left ~= #right then return #left - #right end
  if left == right then return 0 end
  return left < right and -1 or 1
end

-- The larger; an empty text is none.
local function newest(left, right)
  return compare(left, right) < 0 and right or left
end

-- nil: the sum leaves int64.
local function add(left, right)
  -- At most 15 digits: neither such numbers nor their sum leave what a double holds exactly.
  local is_small = #left <= 15 and #right <= 15 and string.find(left .. ' ' .. right, '^%-?%d+ %-?%d+$')
  if is_small then return string.format('%d', left + right) end
  redis.call('HSET', stats, 'scratch', left)
  local added = redis.pcall('HINCRBY', stats, 'scratch', right)
  local sum = redis.call('HGET', stats, 'scratch')
  redis.call('HDEL', stats, 'scratch')
  if type(added) == 'table' and added.err then return nil end
  return sum
end

-- The version if it is above what is known, otherwise the next after what is known. nil: there is no next.
local function above(version, known)
  if compare(version, known) > 0 then return version end
  return add(known, '1')
end

-- The newest version that a record knows its row to have, or to have had before it was deleted.
local function known_version(record)
  return newest(record[VERSION], record[BASE] == 'conflict' and '' or record[BASE])
end

-- True if the record carries a version that is in no row yet. A doubtful record's version may be in the row.
local function is_known_of(record)
  return record and record[DOUBTFUL] ~= IN_DOUBT and known_version(record) ~= ''
end
