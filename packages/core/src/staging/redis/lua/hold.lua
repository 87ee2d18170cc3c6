-- Keeps the changes of a transaction that has not ended as layers over the pending records of their rows, hidden from
-- every other transaction; or refuses all of them, as stage would. A hold that was seen before gets its first answer.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] seen  KEYS[5] seen_old  KEYS[6] recent  KEYS[7] recent_old
-- KEYS[8] stats  KEYS[9] held  KEYS[10] holds  KEYS[11] cache  KEYS[12] cache_old
-- ARGV  epoch, id, transaction, earlier holds of it that stand, changes, rules by entity as for stage
-- returns  {'staged', sequence, since, row key, version, ...} as stage | {'refused', row key, reason, version, ...} |
--   {'voided'} | {'unreadable', row key} | {'damaged', key} | {'uninitialised'} | {'epoch', epoch}
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
local cache = KEYS[11]
local cache_old = KEYS[12]
local epoch, id, transaction = ARGV[1], ARGV[2], ARGV[3]
local earlier, changes, rules = cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])

-- include: time
-- include: bulk
-- include: recent
-- include: coalesce
-- include: seen
-- include: draft
-- include: counts
-- include: held
-- include: forget-layers
-- include: stage-row
-- include: apply-changes
-- include: drop-copies

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'held', 'since', 'cached')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local answered = redis.call('HGET', seen, id) or redis.call('HGET', seen_old, id)
if answered then return seen_answer(answered, head[5]) end

local sequence = count_in(head[2])
if not sequence then return { 'damaged', 'chain' } end
any_held = head[4] and head[4] ~= '0'
local now, row_keys = now_ms(), {}
for index, change in ipairs(changes) do
  row_keys[index] = change[1]
end
if any_held then forget_fallen(row_keys, transaction, earlier) end
local call, unreadable = try_changes(changes, rules, sequence, now, head[3], transaction)
if not call then return { 'unreadable', unreadable } end
if #call.refusals > 1 then
  write_draft()
  write_held_counts()
  return call.refusals
end

local added = {}
for index, row_key in ipairs(row_keys) do
  local record = changes[index]
  -- A change that annihilates the layers beneath becomes a layer too: ROLLBACK TO SAVEPOINT may take it away again.
  if record[1] == row_key then record = stamped(call.rows[row_key], record, sequence + index, now) end
  local layers = call.rows[row_key].layers
  if layers == no_layers then layers = {} end
  added[index] = { id, transaction, record }
  append(layers, added[index])
  call.rows[row_key].layers = layers
  count_held(added[index], 1)
end
for row_key, row in pairs(call.rows) do
  write_layers(row_key, row.layers)
end
set_value(holds, id, cmsgpack.pack({ transaction, now }) .. cmsgpack.pack({ call.order, rules }))
local kept = to_keep(call.answer)
set_value(seen, id, kept)
write_draft()
note_policies(now)
-- A release writes the layers without another message to the cache.
if head[6] then drop_copies(row_keys) end
write_held_counts()
return seen_answer(kept, head[5])
