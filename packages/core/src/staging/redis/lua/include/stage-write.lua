-- Times of records.

-- Scores below this are marks of drains, above it times in milliseconds.
local FIRST_TIME = 1000000000000

-- The longest time that any record may have to wait. A later time was stamped by another clock.
local function longest_delay(rules, horizon)
  for _, rule in pairs(rules) do
    horizon = math.max(horizon, rule[1], rule[2])
  end
  return horizon
end
