-- The end of one record of a batch, as in settle-record.ts.
-- Needs: dirty, due, chain, dead, token, and what merge, recent, counts and bury bring

-- include: put-dirty
-- include: pause
-- include: remember

-- The parts of an outcome by position; its kind is the first.
local OUTCOME_VERSION, ATTEMPT, DELAY, CODE, REASON, REJECTED, COUNTED = 2, 3, 4, 5, 6, 7, 8
-- The whole message of PostgreSQL; an outcome of an older release has none. Nor does it keep a pause.
local MESSAGE, KEEPS_PAUSE = 10, 11

local function raise(record, floor)
  if record[VERSION] ~= '' and floor ~= '' and compare(record[VERSION], floor) <= 0 then record[VERSION] = add(floor, '1') or floor end
end

-- As baseAfter in settle-record.ts: the base follows the row only if the row held nothing that the newer record has not
-- seen.
local function base_after(newer, expected, version)
  local base = newer[BASE]
  if expected == '' then return add(base, '1') == version and version or base end
  if newer[DOUBTFUL] == ROW_BASE then return base end
  return base == expected and version or newest(base, version)
end

local function follow_row(newer, record, version)
  if newer[BASE] == '' or newer[BASE] == 'conflict' then return false end
  newer[BASE] = base_after(newer, record[VERSION], version)
  raise(newer, newest(newer[BASE], version))
  return true
end

local function rebase(row_key, newer, record, version)
  if not follow_row(newer, record, version) then return end
  set_value(dirty, row_key, cmsgpack.pack(newer))
end

local function overrule(row_key, newer, version)
  if newer[BASE] == '' then return end
  newer[BASE] = 'conflict'
  if newer[DOUBTFUL] == ROW_BASE then newer[DOUBTFUL] = 0 end
  raise(newer, version)
  set_value(dirty, row_key, cmsgpack.pack(newer))
end

local function settle(row_key, record, outcome, now, written)
  local kind, deleted = outcome and outcome[1] or 'applied', record[KIND] == 'delete'
  if kind == 'applied' then return remember(written, row_key, known_version(record), deleted, record[LAST]) end

  local bytes = value_of(dirty, row_key)
  local newer = bytes and decode(bytes)
  local version = outcome[OUTCOME_VERSION]
  if kind == 'version' then
    if newer then rebase(row_key, newer, record, version) end
    return remember(written, row_key, version, deleted, record[LAST])
  end
  if kind == 'again' then
    local keeps_pause = outcome[ATTEMPT] > record[ATTEMPTS] or outcome[KEEPS_PAUSE] == 1
    record[ATTEMPTS] = outcome[ATTEMPT]
    if newer then return put_under(row_key, record, newer, 'COUNTER_OVERFLOW', outcome[REASON], now) end
    if bytes then bury_unreadable(row_key, bytes, now) end
    put_dirty(row_key, nil, record)
    return set_time(row_key, now + outcome[DELAY] + (keeps_pause and PAUSE or 0))
  end
  if kind == 'buried' then
    if outcome[COUNTED] == 1 then record[DELTAS] = {} end
    if outcome[REJECTED] == 1 and newer and is_upon_another_row(newer, record) then
      remember_void(written, row_key, record)
      return bury(row_key, outcome[CODE], outcome[REASON], token, now, cmsgpack.pack(record), outcome[MESSAGE])
    end
    if outcome[REJECTED] == 1 and newer then
      record[ATTEMPTS] = 0
      return put_under(row_key, record, newer, outcome[CODE], outcome[REASON], now, outcome[MESSAGE])
    end
    bury(row_key, outcome[CODE], outcome[REASON], token, now, cmsgpack.pack(record), outcome[MESSAGE])
  end
  if newer then overrule(row_key, newer, version) end
  if version ~= '' then remember(written, row_key, version, false, record[LAST]) end
  if outcome[REJECTED] == 1 then remember_void(written, row_key, record) end
end
