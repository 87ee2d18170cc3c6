-- How many values a list has; nil for what is none. A Lua array with a nil in its middle does not tell how long it
-- is, and a map has no length.
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
