-- A dead letter at rest is its heading and, right behind it, the bytes of the record as they were.
-- Needs: chain, dead, and what record and letters bring
local function bury(row_key, code, reason, token, now, bytes)
  local id = redis.call('HINCRBY', chain, 'letters', 1)
  redis.call('HSET', dead, id, cmsgpack.pack({ row_key, code, reason, token, now }) .. bytes)
  local record = decode(bytes)
  note_letter(row_key, id, record and record[FIRST] or 0, record and record[LAST] or tonumber(redis.call('HGET', chain, 'sequence')), code)
end
