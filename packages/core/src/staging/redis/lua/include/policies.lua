-- The policy under which an entity is staged: one at a time in a shard, so a process that writes its records, or lays
-- them over rows, knows what they mean.
-- Needs: chain, stats, and what record and bulk bring

-- include: numbers

-- The time when an entity was staged last is noted this often, in milliseconds.
local NOTED_EVERY = 1000

-- True if a change of the entity is staged or held. A count that is no number means yes.
local function is_pending(entity)
  local counts = redis.call('HMGET', stats, 'p:' .. entity, 'h:' .. entity)
  return (tonumber(counts[1] or 0) or 1) > 0 or (tonumber(counts[2] or 0) or 1) > 0
end

local noted = {}

-- Answers a refusal if a change is pending that was staged under another policy, or if the entity was left. A policy
-- without pending changes gives way.
local function other_policy(changes, rules)
  local asked = {}
  for _, change in ipairs(changes) do
    local entity = change[ENTITY]
    local own = rules[entity] and rules[entity][5]
    if own and own ~= '' and not asked[entity] then
      asked[entity] = true
      local known = redis.call('HMGET', chain, 'f:' .. entity, 't:' .. entity)
      if known[1] == 'left' then return { 'refused', change[1], 'left', '' } end
      if known[1] and known[1] ~= own and is_pending(entity) then return { 'refused', change[1], 'policy', '' } end
      noted[entity] = { own, known[1] ~= own, count_in(known[2]) or 0 }
    end
  end
  return nil
end

local function note_policies(now)
  for entity, policy in pairs(noted) do
    if policy[2] or now - policy[3] > NOTED_EVERY then
      redis.call('HSET', chain, 'f:' .. entity, policy[1], 't:' .. entity, now)
    end
  end
end
