-- Parts of a batch: records that were added after it was claimed. A part is: row key, record in flight before ('' for
-- none), added record, row key, ... The outcome of a row names the last part that it covers. A row of a part that no
-- outcome covers was not written, and is dirty again.
-- Needs: dirty, due, flight, token, and what merge, counts, bury and draft bring

-- include: put-dirty
-- include: put-back

-- The place in an outcome of the last part that it covers.
local PART = 9

-- include: parts-in

local function is_covered(outcomes, row_key, number)
  local outcome = outcomes[row_key]
  return outcome ~= nil and outcome[PART] >= number
end

local function take_back_row(row_key, before, bytes, flying, back, now)
  local added, newer = decode(bytes), back[row_key]
  if before == '' then count(added[ENTITY], -1) end
  put(flying, row_key, before ~= '' and before)
  local merged = newer and merge(added, newer)
  if newer and not merged then return bury(row_key, 'COUNTER_OVERFLOW', reason_put_back, token, now, bytes) end
  put(back, row_key, merged or added)
end

-- Takes added records that no outcome covers out of `flying` (row key -> bytes, or false), the last part first. Answers
-- their sum: row key -> record. A row that is not in flight has been thrown away.
local function take_back(parts, flying, outcomes, now)
  local back = {}
  for number = #parts, 1, -1 do
    local part = parts[number]
    for index = 1, #part, 3 do
      local row_key, before, bytes = part[index], part[index + 1], part[index + 2]
      local is_taken = flying[row_key] and not is_covered(outcomes, row_key, number)
      if is_taken and not attempt(take_back_row, row_key, before, bytes, flying, back, now) then
        flying[row_key] = before ~= '' and before
        bury_unreadable(row_key, bytes, now)
      end
    end
  end
  return back
end

-- The records of a batch that ends, as they were written (row key, bytes, ...). Makes the rest dirty again.
local function without_uncovered(parts, records, outcomes, now)
  local flying, written = {}, {}
  for index = 1, #records, 2 do
    flying[records[index]] = records[index + 1]
  end
  put_back(take_back(parts, flying, outcomes, now), now)
  for row_key, bytes in pairs(flying) do
    if bytes then append(written, row_key, bytes) end
  end
  return written
end

-- The same for a batch that goes on: flight keeps only records that the outcomes cover. Numbers of parts are never
-- given twice, so the rest of a part stays in its place.
local function retract(parts, outcomes, now)
  local flying, changed = {}, {}
  for number, part in ipairs(parts) do
    local covered = {}
    for index = 1, #part, 3 do
      local row_key = part[index]
      flying[row_key] = redis.call('HGET', flight, row_key)
      if is_covered(outcomes, row_key, number) then append(covered, row_key, part[index + 1], part[index + 2]) end
    end
    changed[number] = covered
  end
  put_back(take_back(parts, flying, outcomes, now), now)
  for row_key, bytes in pairs(flying) do
    set_value(flight, row_key, bytes)
  end
  for number, covered in ipairs(changed) do
    parts[number] = covered
  end
end
