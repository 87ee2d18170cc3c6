-- Computes what the changes of a call make of their rows, one after the other. Writes nothing.
-- Needs: what coalesce, stage-row and held bring, and what policies needs

-- include: policies
-- include: step

local judged

-- `mine`: the transaction whose layers the changes lie on. Answers nil and a row key if a pending record, or a layer,
-- of that row cannot be read.
local function apply_changes(changes, rules, sequence, now, in_flight, mine)
  local rows, order, versions, refusals, refused = {}, {}, {}, { 'refused' }, {}
  local coalesced, annihilated = 0, 0
  local other = other_policy(changes, rules)
  if other then return { refusals = other } end
  for index, change in ipairs(changes) do
    local row_key = change[1]
    judged = row_key
    local row = rows[row_key] or load_row(row_key, in_flight, mine)
    if not row then return nil, row_key end
    if not rows[row_key] then
      rows[row_key] = row
      order[#order + 1] = row_key
    end
    -- The transaction may have written its own layer by SQL, and read the row again: its base counts as a staged one.
    if mine and holds_any(row.layers, mine) then change[CHANGE_MARK] = 0 end
    if not refused[row_key] then
      local asked, kind, entity = change[VERSION], change[KIND], change[ENTITY]
      local status, record, version = 'refused', kept_out_because(row, mine, kind), ''
      local second_step = is_second_step(row, change, rules[entity])
      if not record then status, record, version = coalesce(row, change, sequence + index, now) end
      if second_step and status == 'dirty' then status, record, version = 'refused', 'step', '' end
      if status == 'dirty' then
        local limit = over_limit(row_key, row, record, rules[entity])
        if limit then status, record, version = 'refused', limit, '' end
      end
      if status == 'refused' then
        refused[row_key] = true
        append(refusals, row_key, record, version)
      else
        if status == 'nothing' then annihilated = annihilated + 1 end
        if status == 'dirty' and row.dirty then coalesced = coalesced + 1 end
        set_dirty(row, record)
        note_version(versions, row_key, kind, asked, record)
      end
    end
  end
  local answer = { 'staged', sequence + #changes }
  for _, row_key in ipairs(order) do
    if versions[row_key] then append(answer, row_key, versions[row_key]) end
  end
  return { rows = rows, order = order, refusals = refusals, answer = answer, coalesced = coalesced, annihilated = annihilated }
end

-- The same. Answers nil and a row key also if a record passes all checks and still makes the computing raise.
local function try_changes(...)
  local is_sound, call, unreadable = pcall(apply_changes, ...)
  if is_sound then return call, unreadable end
  if is_of_redis(call) then error(call, 0) end
  return nil, judged
end
