-- The answer that is kept under the id of a group, or of a hold, packed, or that it never runs. It stands in the
-- lowest of its shards (R13). stage.lua keeps it by `keep_answer` in judge-unit.lua, hold.lua and fence.lua by
-- themselves.
-- Needs: seen, seen_old

local function kept_answer(id)
  for _, generation in ipairs({ seen, seen_old }) do
    local answer = redis.call('HGET', generation, id)
    if answer then
      -- WAIT waits for what its own connection has written, and for nothing else: so what is found is written again.
      -- Behind a command that writes, Redis refuses none for want of memory.
      redis.call('HDEL', generation, 'nothing')
      redis.call('HSET', generation, id, answer)
      return answer
    end
  end
end
