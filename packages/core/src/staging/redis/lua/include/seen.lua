-- The answer that is kept under the id of a group, or of a hold, packed, or that it never runs. It stands in the
-- lowest of its shards (R13).
-- Needs: seen, seen_old

local function kept_answer(id)
  return redis.call('HGET', seen, id) or redis.call('HGET', seen_old, id)
end
