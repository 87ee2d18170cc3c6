-- Merges all changes of a call into their records, or refuses all of them. A call id that was seen before is answered as it was then.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] seen  KEYS[6] seen_old  KEYS[7] recent  KEYS[8] recent_old  KEYS[9] stats
-- ARGV  epoch, 'stage' or 'check', call id, changes, rules by entity (debounce, longest delay, most records, most bytes, policy), life of seen ids (ms), ids per generation
-- returns  {'staged', row key, version, ...} | {'refused', row key, reason, version, ...} | {'voided'} | {'uninitialised'} | {'epoch', epoch} | {'unreadable', row key}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local seen = KEYS[5]
local seen_old = KEYS[6]
local recent = KEYS[7]
local recent_old = KEYS[8]
local stats = KEYS[9]
local epoch, mode, call_id, changes, rules = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local seen_ms, seen_calls = tonumber(ARGV[6]), tonumber(ARGV[7])

-- include: time
-- include: bulk
-- include: coalesce
-- include: recent
-- include: generations
-- include: seen
-- include: counts
-- include: stage-row
-- include: stage-write
-- include: policies

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'marked', 'horizon', 'coalesced', 'annihilated', 'seenAt', 'seenFrom')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local answered = redis.call('HGET', seen, call_id) or redis.call('HGET', seen_old, call_id)
if answered then return seen_answer(answered) end

changes = cmsgpack.unpack(changes)
rules = cmsgpack.unpack(rules)
local now, sequence, in_flight = now_ms(), tonumber(head[2]), head[3]
local other = other_policy(changes, rules, now)
if other then return other end
local rows, order, versions, refusals, refused = {}, {}, {}, { 'refused' }, {}
local coalesced, annihilated = 0, 0

for index, change in ipairs(changes) do
  local row_key = change[1]
  local row = rows[row_key] or load_row(row_key, in_flight)
  if not row then return { 'unreadable', row_key } end
  if not rows[row_key] then
    rows[row_key] = row
    order[#order + 1] = row_key
  end
  if not refused[row_key] then
    local asked, kind, entity = change[VERSION], change[KIND], change[ENTITY]
    local status, record, version = coalesce(row, change, sequence + index, now)
    if status == 'dirty' then
      local limit = over_limit(row, record, rules[entity])
      if limit then status, record, version = 'refused', limit, '' end
    end
    if status == 'refused' then
      refused[row_key] = true
      append(refusals, row_key, record, version)
    else
      if status == 'nothing' then annihilated = annihilated + 1 end
      if status == 'dirty' and row.dirty then coalesced = coalesced + 1 end
      set_dirty(row, row_key, record)
      note_version(versions, row_key, kind, asked, record)
    end
  end
end

if #refusals > 1 then return refusals end
local answer = { 'staged' }
for _, row_key in ipairs(order) do
  if versions[row_key] then append(answer, row_key, versions[row_key]) end
end
if mode == 'check' then return answer end

write_rows(rows, order, rules, now, head[4])
local horizon = longest_delay(rules, tonumber(head[5]))
local places = { 'sequence', sequence + #changes }
if horizon > tonumber(head[5]) then append(places, 'horizon', horizon) end
if coalesced > 0 then append(places, 'coalesced', head[6] + coalesced) end
if annihilated > 0 then append(places, 'annihilated', head[7] + annihilated) end
send('HSET', chain, places)
local age = now - tonumber(head[8])
if age >= seen_ms or (sequence - tonumber(head[9]) >= seen_calls and age >= seen_ms / 10) then
  new_generation(seen, seen_old)
  redis.call('HSET', chain, 'seenAt', now, 'seenFrom', sequence)
end
redis.call('HSET', seen, call_id, #answer == 1 and '' or cmsgpack.pack(answer))
write_counts()
return answer
