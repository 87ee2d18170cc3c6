-- include: version
-- include: readable

-- What was last written of a row: its version (or none), whether that was a deletion, the stage sequence of what was
-- written (0: nothing was), the newest version that is void (or none), and the one above which versions are (or none).
-- What cannot be read is forgotten.
-- Needs: recent, recent_old

local function recall(row_key)
  local bytes = redis.call('HGET', recent, row_key) or redis.call('HGET', recent_old, row_key)
  local written = bytes and unpack_safely(bytes)
  if not written or not is_version(written[1]) or not is_count(written[3]) then return '', false, -1, '', '' end
  local void, above_this = is_version(written[4]) and written[4] or '', is_version(written[5]) and written[5] or ''
  return written[1], written[2] == 1, written[3], void, above_this
end
