-- The questions that coalescing asks, one function each, as in coalesce-change.ts. What was last written of a row
-- counts only where no pending record carries a version.
-- Needs: what recent brings

-- The row with its last write, which is asked for once, and only by what needs it.
local function recalled(row)
  if not row.recalled then
    row.version, row.deleted, row.sequence, row.void, row.void_above = recall(row.key)
    row.recalled = true
  end
  return row
end

local function state_without_dirty(row)
  if row.flight then return row.flight[KIND] == 'delete' and 'gone' or 'there' end
  return recalled(row).deleted and 'gone' or 'unknown'
end

-- True if a change that compares its properties, and no version, was loaded with other values than are dirty.
local function overlooks(record, change)
  if not record or change[BASE] ~= '' or change[KIND] ~= 'update' then return false end
  for property, original in pairs(change[ORIGINALS]) do
    local value = record[VALUES][property]
    if value and value ~= original then return true end
  end
  return false
end

-- The version that makes the change stale; nil: none. A dirty record is in no row yet. A caller that has read its
-- version in the database has therefore seen the row of another writer (R10b).
local function newer_than_seen(row, change)
  if change[BASE] == '' or change[KIND] == 'increment' then return nil end
  if row.pending ~= '' then
    local is_of_another = change[CHANGE_FLAG] == ROW_BASE and is_known_of(row.dirty)
    return (row.pending ~= change[BASE] or is_of_another) and row.pending or nil
  end
  if compare(change[BASE], recalled(row).version) < 0 then return row.version end
  -- A void version is in no row: a caller that holds it has not seen the row that has this number by now.
  local is_void = compare(change[BASE], row.void) <= 0 and compare(change[BASE], row.void_above) > 0
  return change[CHANGE_FLAG] ~= ROW_BASE and is_void and row.void or nil
end

-- nil: the row has no next version.
local function stamped(row, change, sequence, now)
  local kind, flag, missing = change[KIND], change[CHANGE_FLAG], change[CHANGE_MISSING]
  local compares = kind == 'update' or kind == 'delete'
  if kind == 'increment' then
    change[VERSION] = ''
  elseif change[VERSION] ~= '' and kind ~= 'delete' then
    local known = row.pending ~= '' and row.pending or newest(recalled(row).version, row.void)
    local version = above(change[VERSION], newest(known, change[BASE]))
    if not version then return nil end
    change[VERSION] = version
  end
  if not compares then
    change[BASE] = ''
    change[ORIGINALS] = {}
  end
  if kind == 'delete' then
    change[VALUES] = {}
    change[DELTAS] = {}
  end
  change[1] = missing == nil and CODEC or WITH_MISSING
  change[FIRST], change[LAST], change[FIRST_AT] = sequence, sequence, now
  change[MERGED], change[ATTEMPTS] = 1, 0
  change[DOUBTFUL] = change[BASE] ~= '' and flag or 0
  change[MISSING] = missing
  return change
end

-- Differences in flight may come back and be added to these. An overflow could then no longer be refused to the caller.
local function overflows_in_flight(flight, record)
  if not flight then return false end
  for property, delta in pairs(record[DELTAS]) do
    local before = flight[DELTAS][property]
    if before and not record[VALUES][property] and not add(before, delta) then return true end
  end
  return false
end
