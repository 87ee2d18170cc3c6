-- Parks or keeps one row when everything is parked.
-- Needs: dirty, due, on_loss, reason, and what merge, counts, bury, draft and doubt bring

-- include: hidden

-- Lays the record in flight under the dirty one. Answers how many records had to be parked for it.
local function put_together(waiting, row_key, bytes, token, now)
  local older, newer = decode(bytes), waiting[row_key] and decode(waiting[row_key])
  local merged = older and newer and not is_hidden_by(older, newer) and merge(older, newer)
  if older and newer and merged then
    count(newer[ENTITY], -1)
    waiting[row_key] = cmsgpack.pack(merged)
    return 0
  end
  if not waiting[row_key] then
    waiting[row_key] = bytes
    return 0
  end
  if older then count(older[ENTITY], -1) end
  bury(row_key, 'STAGING_LOSS', reason, token, now, bytes)
  return 1
end

local function keep_row(row_key, record, is_doubtful, now)
  if is_doubtful then record[DOUBTFUL] = 1 end
  set_value(dirty, row_key, cmsgpack.pack(record))
  if not time_of(row_key) then set_time(row_key, now) end
end

-- Answers 'kept', 'doubtful' (and kept) or 'parked'.
local function park_row(row_key, bytes, token, now)
  local record = decode(bytes)
  local is_doubtful = record and on_loss == 'park' and settled_by_version(record)
  if record and (on_loss == 'apply' or is_doubtful) then
    keep_row(row_key, record, is_doubtful, now)
    return is_doubtful and 'doubtful' or 'kept'
  end
  if record then count(record[ENTITY], -1) end
  set_value(dirty, row_key, false)
  set_time(row_key, false)
  bury(row_key, record and 'STAGING_LOSS' or 'UNREADABLE', reason, token, now, bytes)
  return 'parked'
end
