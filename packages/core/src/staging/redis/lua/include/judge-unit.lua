-- One unit of a group: whether its shards can be staged in, and what judging it says. At the end, `keep_answer` keeps
-- the answer of the group, which `kept_answer` in seen.lua finds.
-- Needs: due, seen, enter, and what shard-head, apply-changes and age-seen bring

-- A shard that cannot be staged in refuses its own units, not the group. nil: all shards of the unit can be.
local function refusal_of_shards(unit)
  local missing
  for index = 1, #unit, 2 do
    local shard = shards[unit[index]]
    if not shard.is_looked_at then
      enter(shard)
      shard.is_looked_at = true
      -- No other command looks at the type of this key before it is written.
      local times = redis.pcall('ZCARD', due)
      shard.trouble = shard.trouble or type(times) == 'table' and times.err
    end
    if shard.trouble then return { 'failed', shard.trouble } end
    if not shard.epoch then
      missing = missing or { 'uninitialised' }
      append(missing, shard.number)
    end
    if shard.epoch and not shard.sequence then return { 'damaged', 'chain', shard.number } end
  end
  return missing
end

local is_listed = {}

local function judge_unit(unit, rules, now)
  local refusal = refusal_of_shards(unit)
  if refusal then return refusal end
  local answer, layer = judge(unit, rules, now)
  for index = 1, layer and #layer or 0 do
    local row = layer[index]
    local order = row.shard.order
    if not is_listed[row.key] then order[#order + 1] = row.key end
    is_listed[row.key] = true
  end
  return answer
end

-- Keeps the answer of a group. The first command of all is the one that Redis refuses when it is out of memory; the
-- rarest commands come first of the rest.
local function keep_answer(id, packed, lowest, now)
  age_seen(lowest, now)
  redis.call('HSET', seen, id, packed)
end
