-- The answer that is kept under the id of a group, or of a hold, packed, or that it never runs. It stands in the
-- lowest of its shards (R13). stage.lua keeps it by `keep_answer` in judge-unit.lua, hold.lua and fence.lua by
-- themselves.
-- Needs: seen, seen_old

local function kept_answer(id)
  return redis.call('HGET', seen, id) or redis.call('HGET', seen_old, id)
end
