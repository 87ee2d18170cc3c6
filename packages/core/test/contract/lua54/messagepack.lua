-- cmsgpack for Lua 5.4, as servers have it: whole numbers are packed as such, also those that are floats.
local pack, unpack = string.pack, string.unpack
local cmsgpack = {}

local function head(length, small, most_small, by_format)
  if length <= most_small then return string.char(small + length) end
  for _, entry in ipairs(by_format) do
    if length <= entry[1] then return string.char(entry[2]) .. pack(entry[3], length) end
  end
end

local BYTE, SHORT, LONG = 0xff, 0xffff, 0xffffffff
local STRINGS = { { BYTE, 0xd9, '>I1' }, { SHORT, 0xda, '>I2' }, { LONG, 0xdb, '>I4' } }
local ARRAYS = { { SHORT, 0xdc, '>I2' }, { LONG, 0xdd, '>I4' } }
local MAPS = { { SHORT, 0xde, '>I2' }, { LONG, 0xdf, '>I4' } }
local NUMBERS = { { BYTE, 0xcc, '>I1' }, { SHORT, 0xcd, '>I2' }, { LONG, 0xce, '>I4' }, { math.maxinteger, 0xcf, '>I8' } }
local NEGATIVES = { { -0x80, 0xd0, '>i1' }, { -0x8000, 0xd1, '>i2' }, { -0x80000000, 0xd2, '>i4' }, { math.mininteger, 0xd3, '>i8' } }

local function packed_integer(value)
  if value >= 0 then return head(value, 0, 127, NUMBERS) end
  if value >= -32 then return string.char(value + 0x100) end
  for _, entry in ipairs(NEGATIVES) do
    if value >= entry[1] then return string.char(entry[2]) .. pack(entry[3], value) end
  end
end

local function packed_number(value)
  local whole = math.tointeger(value)
  if whole then return packed_integer(whole) end
  if unpack('>f', pack('>f', value)) == value then return '\xca' .. pack('>f', value) end
  return '\xcb' .. pack('>d', value)
end

-- True if the keys are 1 to n: an empty table too.
local function is_list(map)
  local count, last = 0, 0
  for key in pairs(map) do
    if math.type(key) ~= 'integer' or key <= 0 then return false end
    count, last = count + 1, math.max(last, key)
  end
  return count == last, count
end

local packed

local function packed_table(map, level)
  local list, parts = is_list(map), {}
  if list then
    for index = 1, #map do
      parts[index] = packed(map[index], level + 1)
    end
    return head(#map, 0x90, 15, ARRAYS) .. table.concat(parts)
  end
  local count = 0
  for key, value in pairs(map) do
    count = count + 1
    parts[count] = packed(key, level + 1) .. packed(value, level + 1)
  end
  return head(count, 0x80, 15, MAPS) .. table.concat(parts)
end

local DEEPEST = 16

function packed(value, level)
  local kind = type(value)
  if kind == 'string' then return head(#value, 0xa0, 31, STRINGS) .. value end
  if kind == 'number' then return packed_number(value) end
  if kind == 'boolean' then return value and '\xc3' or '\xc2' end
  if kind == 'table' and level < DEEPEST then return packed_table(value, level) end
  return '\xc0'
end

function cmsgpack.pack(...)
  local parts = {}
  for index = 1, select('#', ...) do
    parts[index] = packed((select(index, ...)), 0)
  end
  return table.concat(parts)
end

local read

local function read_by(format, bytes, at)
  if at + string.packsize(format) - 1 > #bytes then error('Missing bytes in input.', 0) end
  return unpack(format, bytes, at)
end

local function read_string(length, bytes, at)
  if at + length - 1 > #bytes then error('Missing bytes in input.', 0) end
  return string.sub(bytes, at, at + length - 1), at + length
end

local function read_list(length, bytes, at)
  local list = {}
  for index = 1, length do
    list[index], at = read(bytes, at)
  end
  return list, at
end

local function read_map(length, bytes, at)
  local map = {}
  for _ = 1, length do
    local key, value
    key, at = read(bytes, at)
    value, at = read(bytes, at)
    map[key] = value
  end
  return map, at
end

local SCALARS = {
  [0xca] = '>f', [0xcb] = '>d', [0xcc] = '>I1', [0xcd] = '>I2', [0xce] = '>I4', [0xcf] = '>i8',
  [0xd0] = '>i1', [0xd1] = '>i2', [0xd2] = '>i4', [0xd3] = '>i8',
}
local SIZED = {
  [0xd9] = { '>I1', read_string }, [0xda] = { '>I2', read_string }, [0xdb] = { '>I4', read_string },
  [0xdc] = { '>I2', read_list }, [0xdd] = { '>I4', read_list }, [0xde] = { '>I2', read_map }, [0xdf] = { '>I4', read_map },
}

function read(bytes, at)
  local first = string.byte(bytes, at)
  if not first then error('Missing bytes in input.', 0) end
  at = at + 1
  if first < 0x80 then return first, at end
  if first >= 0xe0 then return first - 0x100, at end
  if first < 0x90 then return read_map(first & 15, bytes, at) end
  if first < 0xa0 then return read_list(first & 15, bytes, at) end
  if first < 0xc0 then return read_string(first & 31, bytes, at) end
  if first == 0xc0 then return nil, at end
  if first == 0xc2 or first == 0xc3 then return first == 0xc3, at end
  if SCALARS[first] then return read_by(SCALARS[first], bytes, at) end
  if not SIZED[first] then error('Bad data format in input.', 0) end
  local length
  length, at = read_by(SIZED[first][1], bytes, at)
  return SIZED[first][2](length, bytes, at)
end

function cmsgpack.unpack(bytes)
  if type(bytes) ~= 'string' then error('bad argument #1 to unpack (string expected)', 0) end
  local values, count, at = {}, 0, 1
  while at <= #bytes do
    count = count + 1
    values[count], at = read(bytes, at)
  end
  return table.unpack(values, 1, count)
end

function cmsgpack.unpack_one(bytes)
  if type(bytes) ~= 'string' then error('bad argument #1 to unpack_one (string expected)', 0) end
  if bytes == '' then return -1 end
  local value, at = read(bytes, 1)
  return at > #bytes and -1 or at - 1, value
end

return cmsgpack
