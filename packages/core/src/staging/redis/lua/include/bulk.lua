local unpack = table.unpack or unpack

-- Sends a command with any number of arguments. The stack of Lua has a limit, and an even number keeps pairs together.
local CHUNK = 1000

local function send(command, key, arguments)
  for from = 1, #arguments, CHUNK do
    redis.call(command, key, unpack(arguments, from, math.min(from + CHUNK - 1, #arguments)))
  end
end

-- The values of any number of fields of a hash; false where there is none.
local function get_all(key, fields)
  local found = {}
  for from = 1, #fields, CHUNK do
    local part = redis.call('HMGET', key, unpack(fields, from, math.min(from + CHUNK - 1, #fields)))
    for index = 1, #part do
      found[from + index - 1] = part[index]
    end
  end
  return found
end

local function append(list, ...)
  for index = 1, select('#', ...) do
    list[#list + 1] = (select(index, ...))
  end
end

-- True if a command has raised this: Redis is out of memory, or a key is of another type. No row is at fault then.
local function is_of_redis(problem)
  local said = type(problem) == 'table' and problem.err or problem
  return string.find(said, 'OOM', 1, true) or string.find(said, 'WRONGTYPE', 1, true)
end
