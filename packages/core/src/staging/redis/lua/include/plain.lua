-- In the place of draft.lua, for a script that computes everything before it writes and takes nothing back. Every
-- function costs every call.

local function put(map, field, value)
  map[field] = value
end

local function value_of(key, field)
  return redis.call('HGET', key, field)
end
