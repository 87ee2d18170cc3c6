-- Makes a record dirty, alone or under a newer one.
-- Needs: dirty, token, and what merge, counts and bury bring

local function put_dirty(row_key, before, record)
  if before then count(before[ENTITY], -1) end
  count(record[ENTITY], 1)
  redis.call('HSET', dirty, row_key, cmsgpack.pack(record))
end

local function put_under(row_key, older, newer, code, reason, now)
  local merged = merge(older, newer)
  if merged then
    put_dirty(row_key, newer, merged)
  else
    bury(row_key, code, reason, token, now, cmsgpack.pack(older))
  end
end
