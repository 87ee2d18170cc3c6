-- How many values a list has; nil if it is no list: a map, or an array with a nil in its middle.
local function length_of(list)
  local length = 0
  for _ in pairs(list) do
    length = length + 1
  end
  for index = 1, length do
    if list[index] == nil then return nil end
  end
  return length
end
