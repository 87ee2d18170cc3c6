-- Judges units of work, in their order, each as a whole: merges all its changes into their records, or refuses all of
-- them. A group that was seen before gets its first answer.
--
-- KEYS  chain, dirty, due, flight, seen, seen_old, recent, recent_old, stats, held, of one shard after the other
-- ARGV  epoch, 'stage' or 'check', id of the group, life of seen ids (ms), most ids per generation of seen ids,
--   shard numbers, the lowest first, rules by entity (debounce, longest delay, most records, most bytes, policy,
--   steps), then the units: shard number, change, shard number, change, ...
-- returns  {'judged', packed} | {'epoch', epoch}. The packed answer is {'voided'}, or a list of: {sequence before,
--   since when the chain is whole, the same of the next shard, ...}, then for each unit 0 (staged) |
--   {'staged', row key, version, ...} | {'refused', row key, reason, version, ...} | {'uninitialised', shard, ...} |
--   {'unreadable', row key} | {'damaged', key, shard} | {'failed', what Redis says}
local epoch, mode, id = ARGV[1], ARGV[2], ARGV[3]
local seen_ms, seen_calls = tonumber(ARGV[4]), tonumber(ARGV[5])
local numbers, rules = cmsgpack.unpack(ARGV[6]), cmsgpack.unpack(ARGV[7])
local seen, seen_old = KEYS[5], KEYS[6]
-- The keys of the shard that was entered last.
local chain, dirty, due, flight, recent, recent_old, stats, held

-- include: time
-- include: bulk
-- include: recent
-- include: coalesce
-- include: seen
-- include: undo
-- include: plain
-- include: counts
-- include: held
-- include: shard-head

local entered
local function enter(shard)
  if shard == entered then return end
  local at = shard.at
  entered, any_held, counts, must_recount = shard, shard.any_held, shard.counts, false
  chain, dirty, due, flight, recent, recent_old = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3], KEYS[at + 6], KEYS[at + 7]
  stats, held = KEYS[at + 8], KEYS[at + 9]
end

-- include: stage-row
-- include: apply-changes
-- include: stage-write
-- include: write-shard
-- include: age-seen
-- include: judge-unit

local units, entities, is_named = {}, {}, {}
for index = 8, #ARGV do
  local unit = cmsgpack.unpack(ARGV[index])
  units[#units + 1] = unit
  for at = 2, #unit, 2 do
    local entity = unit[at][ENTITY]
    if not is_named[entity] then entities[#entities + 1] = entity end
    is_named[entity] = true
  end
end
local fields = head_fields(entities)
for at = 1, #KEYS, 10 do
  local shard = read_head(KEYS[at], numbers[(at + 9) / 10], fields, entities)
  shard.at = at
  if shard.epoch and shard.epoch ~= epoch then return { 'epoch', shard.epoch } end
end
local answered = kept_answer(id)
if answered then return { 'judged', answered } end

local now, answer = now_ms(), { {} }
for _, number in ipairs(numbers) do
  append(answer[1], shards[number].first or 0, shards[number].since or '')
end
for index, unit in ipairs(units) do
  answer[index + 1] = judge_unit(unit, rules, now)
end
local packed = cmsgpack.pack(answer)
if mode == 'check' then return { 'judged', packed } end
keep_answer(id, packed, shards[numbers[1]], now)
for _, number in ipairs(numbers) do
  if #shards[number].order > 0 then write_shard(shards[number], rules, now) end
end
return { 'judged', packed }
