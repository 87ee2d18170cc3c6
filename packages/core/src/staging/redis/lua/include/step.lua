-- A change of a value that other rows may wait for, as in step.ts.
-- Needs: what record brings

local STEPS = 6

local function is_step(kind, values, deltas, steps)
  if kind ~= 'update' and kind ~= 'increment' then return true end
  if steps == '*' then return next(values) ~= nil or next(deltas) ~= nil end
  for _, name in ipairs(steps) do
    if values[name] ~= nil or deltas[name] ~= nil then return true end
  end
  return false
end

local function is_step_record(record, steps)
  return record and is_step(record[KIND], record[VALUES], record[DELTAS], steps)
end

-- A step on another one that is not written yet.
local function is_second_step(row, change, rule)
  local steps = rule and rule[STEPS]
  if not steps or not (row.dirty or row.flight) then return false end
  if not is_step(change[KIND], change[VALUES], change[DELTAS], steps) then return false end
  return is_step_record(row.dirty, steps) or is_step_record(row.flight, steps) or false
end
