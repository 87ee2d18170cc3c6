-- Keeps the changes of a transaction that has not ended as layers over the pending records of their rows, hidden from
-- every other transaction; or refuses all of them, as stage would. A hold that was seen before gets its first answer.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] seen  KEYS[5] seen_old  KEYS[6] recent  KEYS[7] recent_old
-- KEYS[8] stats  KEYS[9] held  KEYS[10] holds
-- ARGV  epoch, id, transaction, earlier holds of it that stand, the unit and rules by entity as for stage, life of seen
--   ids (ms), most ids per generation of seen ids
-- returns  {'judged', packed, as stage for one unit} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local seen = KEYS[4]
local seen_old = KEYS[5]
local recent = KEYS[6]
local recent_old = KEYS[7]
local stats = KEYS[8]
local held = KEYS[9]
local holds = KEYS[10]
local epoch, id, transaction = ARGV[1], ARGV[2], ARGV[3]
local earlier, unit, rules = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
local seen_ms, seen_calls = tonumber(ARGV[7]), tonumber(ARGV[8])
local number = unit[1]

-- include: time
-- include: bulk
-- include: recent
-- include: coalesce
-- include: seen
-- include: draft
-- include: counts
-- include: held
-- include: forget-layers
-- include: shard-head

-- The script has one shard.
local function enter() end

-- include: stage-row
-- include: apply-changes
-- include: age-seen

local entities, row_keys = {}, {}
for index = 2, #unit, 2 do
  append(entities, unit[index][ENTITY])
  append(row_keys, unit[index][1])
end
local shard = read_head(chain, number, head_fields(entities), entities)
if shard.trouble then error(shard.trouble, 0) end
if shard.epoch and shard.epoch ~= epoch then return { 'epoch', shard.epoch } end
local answered = kept_answer(id)
if answered then return { 'judged', answered } end

local function answer_of(judged_unit)
  return cmsgpack.pack({ { shard.first or 0, shard.since or '' }, judged_unit })
end
if not shard.epoch then return { 'judged', answer_of({ 'uninitialised', number }) } end
if not shard.sequence then return { 'judged', answer_of({ 'damaged', 'chain', number }) } end
any_held = shard.any_held
local now = now_ms()
if any_held then forget_fallen(row_keys, transaction, earlier) end
local answer, layer = judge(unit, rules, now, transaction)
if not layer then
  if answer[1] == 'refused' then
    write_draft()
    write_held_counts()
  end
  return { 'judged', answer_of(answer) }
end

local added = {}
for index, row_key in ipairs(row_keys) do
  local record = unit[2 * index]
  -- A change that annihilates the layers beneath becomes a layer too: ROLLBACK TO SAVEPOINT may take it away again.
  if record[1] == row_key then record = stamped(rows[row_key], record, shard.first + index, now) end
  local layers = rows[row_key].layers
  if layers == no_layers then layers = {} end
  added[index] = { id, transaction, record }
  append(layers, added[index])
  rows[row_key].layers = layers
  count_held(added[index], 1)
end
local order = {}
for index, row in ipairs(layer) do
  order[index] = row.key
  write_layers(row.key, row.layers)
end
set_value(holds, id, cmsgpack.pack({ transaction, now }) .. cmsgpack.pack({ order, rules }))
local packed = answer_of(answer)
set_value(seen, id, packed)
write_draft()
local places = {}
append_policies(places, shard, rules, now)
send('HSET', chain, places)
write_held_counts()
-- A transaction may be the only kind of caller. Not before the rest is written: a rename passes when Redis is full.
age_seen(shard, now)
return { 'judged', packed }
