-- Ends holds. 'stage': their layers become dirty, in the order in which they were held, except on rows that the
-- transaction has written itself: those have no copies any more, in the same step. 'drop': the layers are gone.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] dead  KEYS[6] stats  KEYS[7] held  KEYS[8] holds
-- KEYS[9] recent  KEYS[10] recent_old  KEYS[11] cache  KEYS[12] cache_old
-- ARGV  epoch, 'stage' | 'drop', holds: id -> row keys that are left out, most dead letters,
--   how long one is kept (ms) or 0
-- returns  {'ended', holds that were there, dropped letters, packed, or '', row key, ... that became dirty} |
--   {'damaged', key} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local dead = KEYS[5]
local stats = KEYS[6]
local held = KEYS[7]
local holds = KEYS[8]
local recent = KEYS[9]
local recent_old = KEYS[10]
local cache = KEYS[11]
local cache_old = KEYS[12]
local epoch, mode, ending = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])
local keep_letters, keep_ms = tonumber(ARGV[4]), tonumber(ARGV[5])

-- include: time
-- include: bulk
-- include: merge
-- include: draft
-- include: counts
-- include: letters
-- include: bury
-- include: drop-letters
-- include: doubt
-- include: stage-write
-- include: held
-- include: forget-layers
-- include: holds
-- include: stage-layer
-- include: drop-copies

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'horizon', 'held')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end

local now, sequence, horizon = now_ms(), count_in(head[2]), count_in(head[4]) or 0
if not sequence then return { 'damaged', 'chain' } end
-- As in acknowledge.lua: records that become dirty are written, and then make room.
redis.call('HDEL', chain, 'nothing')
any_held = true
local is_named, row_keys, rules, left_out, by_sql, ended = {}, {}, {}, {}, {}, 0
for id, written in pairs(ending) do
  local own_rows, own_rules = content_of(id)
  if own_rows then
    ended, rules[id], left_out[id] = ended + 1, own_rules, {}
    for _, row_key in ipairs(own_rows) do
      if not is_named[row_key] then append(row_keys, row_key) end
      is_named[row_key] = true
    end
    for _, row_key in ipairs(written) do
      left_out[id][row_key] = true
      append(by_sql, row_key)
    end
    horizon = longest_delay(own_rules, horizon)
    set_value(holds, id, false)
  end
end

local answer = { 'ended', ended, '' }
-- Raises if the layers cannot be read.
local function end_row(row_key)
  local layers = take_layers(row_key, function(layer) return rules[layer[HOLD]] end)
  local next_sequence, is_staged = sequence, false
  for _, layer in ipairs(layers) do
    local id = layer[HOLD]
    if mode == 'stage' and not left_out[id][row_key] then
      next_sequence = next_sequence + 1
      stage_layer(row_key, layer[RECORD], rules[id][layer[RECORD][ENTITY]], head[3], next_sequence, now)
      is_staged = true
    end
  end
  sequence = next_sequence
  if is_staged then append(answer, row_key) end
end

table.sort(row_keys)
for _, row_key in ipairs(row_keys) do
  if not attempt(end_row, row_key) then
    bury(row_key, 'UNREADABLE', 'What transactions have held of it cannot be read', '', now, value_of(held, row_key))
    set_value(held, row_key, false)
    must_recount_held = true
  end
end
answer[3] = drop_letters(keep_letters, keep_ms, now)
if mode == 'stage' then drop_copies(by_sql) end
write_draft()
redis.call('HSET', chain, 'sequence', sequence, 'horizon', horizon)
write_counts()
write_held_counts()
return answer
