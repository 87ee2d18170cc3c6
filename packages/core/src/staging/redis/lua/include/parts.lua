-- What was added to a batch after it was claimed, in parts: row key, what was in flight of it before ('' for nothing), what was added, row key, ... The outcome of a row names the last
-- part that it covers; a row of a part that no outcome covers was not written, and is dirty again.
-- Needs: dirty, due, token, and what merge, counts and bury bring

-- include: put-dirty

-- Where an outcome names the last part that it covers.
local PART = 9

local reason_put_back = 'Its transaction was rolled back in part, and the sum leaves int64'

-- include: parts-in

local function is_covered(outcomes, row_key, number)
  local outcome = outcomes[row_key]
  return outcome ~= nil and outcome[PART] >= number
end

-- Takes what is not covered out of flight (row key -> bytes), the last part first, and answers what it adds up to: row key -> record. A row that is not in flight has been thrown away.
local function take_back(parts, flying, outcomes, now)
  local back = {}
  for number = #parts, 1, -1 do
    local part = parts[number]
    for index = 1, #part, 3 do
      local row_key, before, added = part[index], part[index + 1], decode(part[index + 2])
      if flying[row_key] and not is_covered(outcomes, row_key, number) then
        if before == '' then count(added[ENTITY], -1) end
        flying[row_key] = before ~= '' and before or nil
        local newer = back[row_key]
        local merged = newer and merge(added, newer)
        if newer and not merged then
          bury(row_key, 'COUNTER_OVERFLOW', reason_put_back, token, now, part[index + 2])
        else
          back[row_key] = merged or added
        end
      end
    end
  end
  return back
end

-- Makes records dirty, under what is dirty by now.
local function put_back(back, now)
  for row_key, record in pairs(back) do
    local bytes = redis.call('HGET', dirty, row_key)
    local newer = bytes and decode(bytes)
    if newer then
      put_under(row_key, record, newer, 'COUNTER_OVERFLOW', reason_put_back, now)
    else
      put_dirty(row_key, nil, record)
      redis.call('ZADD', due, now, row_key)
    end
  end
end

-- The records of a batch that ends, as they were written (row key, bytes, ...); what was not written of them is dirty again.
local function without_uncovered(parts, records, outcomes, now)
  local flying, written = {}, {}
  for index = 1, #records, 2 do
    flying[records[index]] = records[index + 1]
  end
  put_back(take_back(parts, flying, outcomes, now), now)
  for row_key, bytes in pairs(flying) do
    append(written, row_key, bytes)
  end
  return written
end

-- The same for a batch that goes on: flight is as the outcomes cover it. Numbers of parts are never given twice, so what is left of a part stays in its place.
local function retract(parts, outcomes, now)
  local rows, flying, changed, gone = {}, {}, {}, {}
  for number, part in ipairs(parts) do
    local covered = {}
    for index = 1, #part, 3 do
      local row_key = part[index]
      rows[row_key] = true
      if is_covered(outcomes, row_key, number) then append(covered, row_key, part[index + 1], part[index + 2]) end
    end
    changed[number] = covered
  end
  for row_key in pairs(rows) do
    flying[row_key] = redis.call('HGET', flight, row_key)
  end
  put_back(take_back(parts, flying, outcomes, now), now)
  for row_key in pairs(rows) do
    if flying[row_key] then redis.call('HSET', flight, row_key, flying[row_key]) else gone[#gone + 1] = row_key end
  end
  send('HDEL', flight, gone)
  for number, covered in ipairs(changed) do
    parts[number] = covered
  end
end
