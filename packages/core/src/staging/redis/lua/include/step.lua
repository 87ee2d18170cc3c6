-- Steps: changes of values that other rows may wait for, as in step.ts.
-- Needs: what record brings

local STEPS = 6

-- True if `steps` names one of these values, or differences, and the same value is not pending already.
local function has_meant(values, deltas, steps, pending)
  local function any_other(names)
    for name, value in pairs(names) do
      if not (pending and names == values and pending[name] == value) then return true end
    end
    return false
  end
  if steps == '*' then return any_other(values) or any_other(deltas) end
  for _, name in ipairs(steps) do
    local value = values[name]
    if deltas[name] or value and not (pending and pending[name] == value) then return true end
  end
  return false
end

local function is_step_on(pending, change, steps)
  if not pending then return false end
  local was, kind = pending[KIND], change[KIND]
  local is_step = was ~= 'update' and was ~= 'increment' or makes_missing(pending) or has_meant(pending[VALUES], pending[DELTAS], steps)
  if not is_step then return false end
  if kind == 'insert' or kind == 'delete' or was == 'delete' then return true end
  return has_meant(change[VALUES], change[DELTAS], steps, pending[VALUES])
end

-- True for a step upon another step that is not written yet.
local function is_second_step(row, change, rule)
  local steps = rule and rule[STEPS]
  if not steps then return false end
  return is_step_on(row.dirty, change, steps) or is_step_on(row.flight, change, steps)
end
