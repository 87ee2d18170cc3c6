-- Where nothing is drafted (draft.lua): a script that computes everything before it writes, and never goes back on
-- what it has computed. Every function costs every call.

local function put(map, field, value)
  map[field] = value
end

local function value_of(key, field)
  return redis.call('HGET', key, field)
end
