-- What is remembered under the id of a group, or of a hold: its answer, packed, or that it never runs. It stands in the
-- lowest of its shards (R13).
-- Needs: seen, seen_old

local function remembered(id)
  return redis.call('HGET', seen, id) or redis.call('HGET', seen_old, id)
end
