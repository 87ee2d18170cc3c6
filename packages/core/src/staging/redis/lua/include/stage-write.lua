-- Scores below this are marks of drains, above it times in milliseconds.
local FIRST_TIME = 1000000000000

-- Writes the rows of a call. A row that a drain has marked stays marked. `marked`: false if no row can be marked.
-- Needs: dirty, due
local function write_rows(rows, order, rules, now, marked)
  local records, times, gone = {}, {}, {}
  for _, row_key in ipairs(order) do
    local row = rows[row_key]
    if row.dirty then
      local rule = rules[row.dirty[ENTITY]]
      append(records, row_key, row.bytes)
      local score = marked and row.was_dirty and redis.call('ZSCORE', due, row_key)
      if not score or tonumber(score) >= FIRST_TIME then
        append(times, rule and math.min(row.dirty[FIRST_AT] + rule[2], now + rule[1]) or now, row_key)
      end
    elseif row.was_dirty then
      gone[#gone + 1] = row_key
    end
  end
  -- `due` first: it is the only key that was not read before.
  send('ZADD', due, times)
  send('HSET', dirty, records)
  send('HDEL', dirty, gone)
  send('ZREM', due, gone)
end

-- The longest time that any record may have to wait. A later time was stamped by another clock.
local function longest_delay(rules, horizon)
  for _, rule in pairs(rules) do
    horizon = math.max(horizon, rule[1], rule[2])
  end
  return horizon
end
