-- Reads bytes of Redis, and never raises: other programs may write there too, and a script that ends in the middle
-- leaves half of its work.

local function only(ok, value, ...)
  return ok and select('#', ...) == 0 and type(value) == 'table' and value or nil
end

-- One list or map and nothing behind it; nil for anything else.
local function unpack_safely(bytes)
  return only(pcall(cmsgpack.unpack, bytes))
end

-- True if bytes are UTF-8. A letter takes the place of each valid sequence, so that its neighbours cannot form a valid
-- one together.
local function is_text(bytes)
  if string.find(bytes, '^[\1-\127]*$') then return true end
  local rest = string.gsub(bytes, '[\194-\223][\128-\191]', 'a')
  rest = string.gsub(rest, '\224[\160-\191][\128-\191]', 'a')
  rest = string.gsub(rest, '[\225-\236\238\239][\128-\191][\128-\191]', 'a')
  rest = string.gsub(rest, '\237[\128-\159][\128-\191]', 'a')
  rest = string.gsub(rest, '\240[\144-\191][\128-\191][\128-\191]', 'a')
  rest = string.gsub(rest, '[\241-\243][\128-\191][\128-\191][\128-\191]', 'a')
  rest = string.gsub(rest, '\244[\128-\143][\128-\191][\128-\191]', 'a')
  return not string.find(rest, '[\128-\255]')
end

-- 1 to 19 digits, without zeros in front.
local function is_number(text)
  return #text <= 19 and (text == '0' or string.find(text, '^[1-9][0-9]*$') ~= nil)
end

-- Or an empty text, for none.
local function is_version(value)
  return type(value) == 'string' and (value == '' or is_number(value))
end

-- The texts of a map, one table for all, because there are many maps.
local all = {}

-- A map of texts. `of_numbers`: its values are whole numbers.
local function is_map(map, of_numbers)
  if type(map) ~= 'table' then return false end
  local count = 0
  for name, value in pairs(map) do
    if type(name) ~= 'string' or type(value) ~= 'string' then return false end
    if of_numbers and not (is_number(value) or (string.byte(value) == 45 and value ~= '-0' and is_number(string.sub(value, 2)))) then return false end
    count = count + 2
    all[count - 1], all[count] = name, value
  end
  if count == 0 then return true end
  -- A byte between two, so that the end of one and the beginning of the next are not taken for one character.
  return is_text(table.concat(all, ' ', 1, count))
end

local LARGEST = 9007199254740991

-- A count. Comparing with NaN is false.
local function is_count(value)
  return type(value) == 'number' and value >= 0 and value <= LARGEST and value % 1 == 0
end

-- A heading, and the bytes behind it; nil where there is none. Its first part is a text.
local function heading_in(bytes)
  local ok, behind, heading = pcall(cmsgpack.unpack_one, bytes)
  if not ok or type(heading) ~= 'table' or type(heading[1]) ~= 'string' then return nil end
  return heading, behind > 0 and string.sub(bytes, behind + 1) or ''
end
