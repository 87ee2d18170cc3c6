-- Begins a new generation of what is remembered in a shard, if it is time.
-- Needs: chain, seen, seen_old, seen_ms, seen_calls, enter, and what shard-head brings

-- include: generations

local function age_seen(shard, now)
  local age = now - (count_in(shard.seen_at) or 0)
  if not shard.epoch or age < seen_ms / 10 then return end
  if age < seen_ms and redis.call('HLEN', seen) < seen_calls then return end
  new_generation(seen, seen_old)
  enter(shard)
  redis.call('HSET', chain, 'seenAt', now)
end
