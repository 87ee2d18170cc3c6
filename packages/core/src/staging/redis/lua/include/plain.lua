-- In the place of draft.lua, for a script that reads everything before it writes.

local function value_of(key, field)
  return redis.call('HGET', key, field)
end
