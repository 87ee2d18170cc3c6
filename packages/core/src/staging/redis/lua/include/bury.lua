-- A dead letter at rest is its heading and, right behind it, the bytes of the record as they were.
-- Needs: chain, dead
local function bury(row_key, code, reason, token, now, bytes)
  local id = redis.call('HINCRBY', chain, 'letters', 1)
  redis.call('HSET', dead, id, cmsgpack.pack({ row_key, code, reason, token, now }) .. bytes)
end
