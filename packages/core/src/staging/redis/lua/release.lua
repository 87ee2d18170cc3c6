-- Ends holds. Released, their layers become dirty, in the order in which they were held, except of rows that the transaction has written itself; dropped, they are gone.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] dead  KEYS[6] stats  KEYS[7] held  KEYS[8] holds  KEYS[9] recent  KEYS[10] recent_old
-- ARGV  epoch, 'release' | 'drop', holds: id -> row keys that are left out
-- returns  {'ended', holds that were there, row key, ... that became dirty} | {'uninitialised'} | {'epoch', epoch}
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
local epoch, mode, ending = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])

-- include: time
-- include: bulk
-- include: merge
-- include: counts
-- include: letters
-- include: bury
-- include: doubt
-- include: stage-write
-- include: held
-- include: forget-layers
-- include: release-layer

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'horizon', 'held')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end

-- Which rows a hold has, and their rules. Where that cannot be read, all rows are looked at, and what becomes dirty is due at once.
local function content_of(bytes)
  local _, behind = heading_in(bytes)
  local content = behind and unpack_safely(behind) or {}
  local rows, rules = content[1], content[2]
  local is_known = type(rows) == 'table' and type(rules) == 'table'
  for _, rule in pairs(is_known and rules or {}) do
    is_known = is_known and type(rule) == 'table' and is_count(rule[1]) and is_count(rule[2])
  end
  for _, row_key in ipairs(is_known and rows or {}) do
    is_known = is_known and type(row_key) == 'string'
  end
  if is_known then return rows, rules end
  return redis.call('HKEYS', held), {}
end

any_held = true
local now, sequence, horizon = now_ms(), count_in(head[2]), count_in(head[4]) or 0
if not sequence then return { 'damaged', 'chain' } end
local is_named, row_keys, rules, left_out, ended = {}, {}, {}, {}, 0
for id, written in pairs(ending) do
  local heading = redis.call('HGET', holds, id)
  if heading then
    local own_rows, own_rules = content_of(heading)
    ended, rules[id], left_out[id] = ended + 1, own_rules, {}
    for _, row_key in ipairs(own_rows) do
      if not is_named[row_key] then append(row_keys, row_key) end
      is_named[row_key] = true
    end
    for _, row_key in ipairs(written) do
      left_out[id][row_key] = true
    end
    horizon = longest_delay(own_rules, horizon)
    redis.call('HDEL', holds, id)
  end
end

local answer = { 'ended', ended }
table.sort(row_keys)
for _, row_key in ipairs(row_keys) do
  local is_released = false
  park_unreadable_layers(row_key, now)
  for _, layer in ipairs(take_layers(row_key, function(layer) return rules[layer[HOLD]] end)) do
    local id = layer[HOLD]
    if mode == 'release' and not left_out[id][row_key] then
      sequence = sequence + 1
      release_layer(row_key, layer[RECORD], rules[id][layer[RECORD][ENTITY]], head[3], sequence, now)
      is_released = true
    end
  end
  if is_released then append(answer, row_key) end
end
redis.call('HSET', chain, 'sequence', sequence, 'horizon', horizon)
write_counts()
return answer
