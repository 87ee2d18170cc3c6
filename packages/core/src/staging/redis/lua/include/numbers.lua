-- Numbers in hashes. Any bytes may stand there, and a script that raised at them would end in the middle.

-- A count; nil for anything else, such as 'inf' and 'nan', which are numbers for Lua.
local function count_in(text)
  local number = tonumber(text or nil)
  return number and number >= 0 and number <= 9007199254740991 and number % 1 == 0 and number or nil
end

-- Adds to a field. If it holds no number, it becomes the sum that `otherwise` answers.
local function increase(key, field, by, otherwise)
  local sum = redis.pcall('HINCRBY', key, field, by)
  if type(sum) == 'number' then return sum end
  sum = otherwise()
  redis.call('HSET', key, field, sum)
  return sum
end
