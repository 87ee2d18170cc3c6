-- include: version

-- What was last written of a row: its version (or none), whether that was a deletion, and the stage sequence of what
-- was written. What cannot be read is forgotten.
-- Needs: recent, recent_old

local function recall(row_key)
  local bytes = redis.call('HGET', recent, row_key) or redis.call('HGET', recent_old, row_key)
  if not bytes then return '', false, -1 end
  local ok, written = pcall(cmsgpack.unpack, bytes)
  if not ok or type(written) ~= 'table' then return '', false, -1 end
  if type(written[1]) ~= 'string' or type(written[3]) ~= 'number' then return '', false, -1 end
  return written[1], written[2] == 1, written[3]
end
