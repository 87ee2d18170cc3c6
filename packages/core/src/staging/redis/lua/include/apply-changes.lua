-- Computes what the changes of one unit of work make of their rows, one after the other, over what the units before it
-- make of them. Writes nothing. What a unit changes is taken back if the unit is refused (R12). A unit of one change
-- changes nothing before it is accepted, so it needs no copies, and nothing to take back.
-- Needs: enter, and what coalesce, shard-head, stage-row, held, and undo or draft bring

-- include: apply-change

-- The part of an answer for a unit that is staged; 0: it tells no versions.
local function staged_answer(layer)
  if not layer.versions then return 0 end
  local answer = { 'staged' }
  for _, row in ipairs(layer) do
    local version = layer.versions[row.key]
    if version then append(answer, row.key, version) end
  end
  return #answer == 1 and 0 or answer
end

-- Answers the part of the answer for a unit (shard number, change, ...). If the unit is accepted, also its rows.
local function apply_changes(unit, rules, now, mine)
  local layer, refused, refusals = { is_single = #unit == 2, versions = nil }, nil, nil
  for index = 1, #unit, 2 do
    local shard, change = shards[unit[index]], unit[index + 1]
    enter(shard)
    judged = change[1]
    local reason = policy_against(shard, change[ENTITY], rules)
    if reason then return { 'refused', change[1], reason, '' } end
  end
  for index = 1, #unit, 2 do
    local shard, change = shards[unit[index]], unit[index + 1]
    local row_key = change[1]
    enter(shard)
    judged = row_key
    local row = row_of(shard, row_key, layer, mine)
    if not (refused and refused[row_key]) then
      local reason, version = apply_change(shard, row, change, rules[change[ENTITY]], layer, now, mine)
      if reason then
        refused, refusals = refused or {}, refusals or { 'refused' }
        refused[row_key] = true
        append(refusals, row_key, reason, version)
      elseif layer.is_single then
        rows[row_key], layer[1] = row, row
      end
    end
  end
  if refusals then return refusals end
  return staged_answer(layer), layer
end

-- The same, and takes back what a unit has changed that is not accepted. A unit may raise: a key may be of another
-- type, or records that pass all checks cannot be computed. That says nothing of other units.
local function judge(unit, rules, now, mine)
  local size = undo_size
  local is_sound, answer, layer = pcall(apply_changes, unit, rules, now, mine)
  if not is_sound then
    local said = type(answer) == 'table' and answer.err or answer
    if string.find(said, 'OOM', 1, true) then error(answer, 0) end
    answer = is_of_redis(said) and { 'failed', said } or { 'unreadable', judged }
  end
  if not layer then take_back_to(size) end
  return answer, layer
end
