-- Writes what the accepted units of a group make of one shard.
-- Needs: enter, rows, and what shard-head, stage-write, policies and counts bring

-- A row that a drain has marked stays marked.
local function is_marked(shard, row)
  local score = shard.marked and row.was_dirty and redis.call('ZSCORE', due, row.key)
  return score and tonumber(score) < FIRST_TIME
end

local function due_time(record, rule, now)
  if not rule then return now end
  local latest, quiet = record[FIRST_AT] + rule[2], now + rule[1]
  return latest < quiet and latest or quiet
end

local function write_rows(shard, rules, now)
  local records, times, gone, order = {}, {}, {}, shard.order
  for index = 1, #order do
    local row_key = order[index]
    local row = rows[row_key]
    if row.dirty then
      local at = #records
      records[at + 1], records[at + 2] = row_key, row.bytes
      if not is_marked(shard, row) then
        at = #times
        times[at + 1], times[at + 2] = due_time(row.dirty, rules[row.dirty[ENTITY]], now), row_key
      end
    elseif row.was_dirty then
      gone[#gone + 1] = row_key
    end
  end
  send('ZADD', due, times)
  send('HSET', dirty, records)
  if #gone == 0 then return end
  send('HDEL', dirty, gone)
  send('ZREM', due, gone)
end

local function write_shard(shard, rules, now)
  enter(shard)
  write_rows(shard, rules, now)
  local known = count_in(shard.horizon) or 0
  local places, horizon = { 'sequence', shard.sequence }, longest_delay(rules, known)
  if horizon > known then append(places, 'horizon', horizon) end
  if shard.more_coalesced > 0 then append(places, 'coalesced', (count_in(shard.coalesced) or 0) + shard.more_coalesced) end
  if shard.more_annihilated > 0 then append(places, 'annihilated', (count_in(shard.annihilated) or 0) + shard.more_annihilated) end
  append_policies(places, shard, rules, now)
  send('HSET', chain, places)
  write_counts()
end
