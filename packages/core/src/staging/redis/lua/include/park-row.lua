-- What becomes of one row when everything is parked.
-- Needs: dirty, due, on_loss, reason, and what merge, counts, bury and doubt bring

-- include: hidden

-- Lays what was in flight under what is dirty; answers how many records had to be parked for it.
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

-- Answers whether the row stays dirty, and whether it is in doubt.
local function park_row(row_key, bytes, token, now)
  local record = decode(bytes)
  local is_doubtful = record and on_loss == 'park' and settled_by_version(record)
  if record and (on_loss == 'apply' or is_doubtful) then
    if is_doubtful then record[DOUBTFUL] = 1 end
    redis.call('HSET', dirty, row_key, cmsgpack.pack(record))
    redis.call('ZADD', due, 'NX', now, row_key)
    return true, is_doubtful
  end
  if record then count(record[ENTITY], -1) end
  redis.call('ZREM', due, row_key)
  bury(row_key, record and 'STAGING_LOSS' or 'UNREADABLE', reason, token, now, bytes)
  return false, false
end
