-- Under which policy an entity is staged: one at a time in a shard, so that whoever writes its records, or lays them over, knows what they mean.
-- Needs: chain, stats, mode

-- When an entity was staged last is noted this often, in milliseconds.
local NOTED_EVERY = 1000

-- Answers a refusal if something is pending that was staged under another policy, or if the entity was left. A policy of which nothing is pending gives way.
local function other_policy(changes, rules, now)
  local asked = {}
  for _, change in ipairs(changes) do
    local entity = change[ENTITY]
    local own = rules[entity] and rules[entity][5]
    if own and own ~= '' and not asked[entity] then
      asked[entity] = true
      local known = redis.call('HMGET', chain, 'f:' .. entity, 't:' .. entity)
      if known[1] == 'left' then return { 'refused', change[1], 'left', '' } end
      local differs = known[1] ~= own
      if known[1] and differs and tonumber(redis.call('HGET', stats, 'p:' .. entity) or 0) > 0 then
        return { 'refused', change[1], 'policy', '' }
      end
      if mode == 'stage' and (differs or now - tonumber(known[2]) > NOTED_EVERY) then
        redis.call('HSET', chain, 'f:' .. entity, own, 't:' .. entity, now)
      end
    end
  end
  return nil
end
