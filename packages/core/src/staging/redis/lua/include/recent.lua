-- include: version
-- include: readable

-- The last write of a row: its version (or none), true for a deletion, its last stage sequence (0: there was no write),
-- the newest void version (or none), and the version above which versions are void (or none). A write that cannot be
-- read, or is not remembered, has the sequence -1.
-- Needs: recent, recent_old

local function recall(row_key)
  local bytes = redis.call('HGET', recent, row_key) or redis.call('HGET', recent_old, row_key)
  local written = bytes and unpack_safely(bytes)
  if not written or not is_version(written[1]) or not is_count(written[3]) then return '', false, -1, '', '' end
  local void, above_this = is_version(written[4]) and written[4] or '', is_version(written[5]) and written[5] or ''
  return written[1], written[2] == 1, written[3], void, above_this
end
