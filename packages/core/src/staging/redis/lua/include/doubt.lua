-- True if the database can tell by a version that the record was written already.
local function settled_by_version(record)
  local kind = record[KIND]
  if kind ~= 'update' and kind ~= 'replace' and kind ~= 'delete' then return false end
  return record[BASE] ~= '' and record[BASE] ~= 'conflict' and not next(record[DELTAS])
end
