-- Milliseconds since 1970 by the server's clock, the only clock that scripts use.
local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
