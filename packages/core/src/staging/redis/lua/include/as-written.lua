-- A record as PostgreSQL has written it over its row.
-- Needs: what record and settle bring

-- True for an update that compares nothing: nobody had loaded the row. It cannot have met a conflict.
local function is_unseen_update(record)
  return record[KIND] == 'update' and record[BASE] == '' and record[VERSION] == '' and not next(record[ORIGINALS])
end

-- The record as it was written. Where it had no version, PostgreSQL has given the row one, and the outcome tells it.
-- nil: something else was written.
local function as_written(record, outcome, bytes)
  if not outcome then return bytes end
  if outcome[1] ~= 'version' or not is_unseen_update(record) then return nil end
  record[VERSION] = outcome[OUTCOME_VERSION]
  local with_version = cmsgpack.pack(record)
  record[VERSION] = ''
  return with_version
end
