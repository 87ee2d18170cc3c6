-- The policy under which an entity is staged: one at a time in a shard, so a process that writes its records, or lays
-- them over rows, knows what they mean.
-- Needs: stats, and what record and bulk bring

-- The time when an entity was staged last is noted this often, in milliseconds.
local NOTED_EVERY = 1000

-- True if a change of the entity is staged or held. A count that is no number means yes.
local function is_pending(entity)
  local counts = redis.call('HMGET', stats, 'p:' .. entity, 'h:' .. entity)
  return (tonumber(counts[1] or 0) or 1) > 0 or (tonumber(counts[2] or 0) or 1) > 0
end

-- Why the policy of an entity keeps its changes out of a shard; false: it does not. A policy without pending changes
-- gives way. All units of a script have one policy of the entity, so it is asked once.
local function policy_against(shard, entity, rules)
  local known = shard.entities[entity]
  if known.is_asked then return known.reason end
  local own = rules[entity] and rules[entity][5]
  if not own or own == '' or known.policy == own then return false end
  -- It may raise. Then the next unit raises too.
  local is_kept_out = known.policy and known.policy ~= 'left' and is_pending(entity)
  known.is_asked = true
  if known.policy == 'left' then
    known.reason = 'left'
  elseif is_kept_out then
    known.reason = 'policy'
  end
  return known.reason
end

-- Adds the policies of entities that were staged to the fields of the chain.
local function append_policies(places, shard, rules, now)
  for entity, known in pairs(shard.entities) do
    local own = known.is_staged and rules[entity] and rules[entity][5]
    if own and own ~= '' and (known.policy ~= own or now - (count_in(known.noted_at) or 0) > NOTED_EVERY) then
      append(places, 'f:' .. entity, own, 't:' .. entity, now)
    end
  end
end
