-- Merges all changes of a call into their records, or refuses all of them. A call id that was seen before gets its
-- first answer.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] seen  KEYS[6] seen_old  KEYS[7] recent
-- KEYS[8] recent_old  KEYS[9] stats  KEYS[10] held  KEYS[11] cache  KEYS[12] cache_old
-- ARGV  epoch, 'stage' or 'check', call id, changes, rules by entity (debounce, longest delay, most records,
--   most bytes, policy, steps), life of seen ids (ms), changes per generation of seen ids
-- returns  {'staged', sequence of the last change, since when the chain is whole, row key, version, ...} |
--   {'refused', row key, reason, version, ...} | {'voided'} | {'unreadable', row key} | {'damaged', key} |
--   {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local seen = KEYS[5]
local seen_old = KEYS[6]
local recent = KEYS[7]
local recent_old = KEYS[8]
local stats = KEYS[9]
local held = KEYS[10]
local cache = KEYS[11]
local cache_old = KEYS[12]
local epoch, mode, call_id, changes, rules = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local seen_ms, seen_calls = tonumber(ARGV[6]), tonumber(ARGV[7])

-- include: time
-- include: bulk
-- include: recent
-- include: coalesce
-- include: generations
-- include: seen
-- include: plain
-- include: counts
-- include: held
-- include: stage-row
-- include: apply-changes
-- include: stage-write
-- include: drop-copies

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'marked', 'horizon', 'coalesced', 'annihilated', 'seenAt', 'seenFrom', 'held', 'since', 'cached')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local answered = redis.call('HGET', seen, call_id) or redis.call('HGET', seen_old, call_id)
if answered then return seen_answer(answered, head[11]) end

local sequence = count_in(head[2])
if not sequence then return { 'damaged', 'chain' } end
any_held = head[10] and head[10] ~= '0'
rules = cmsgpack.unpack(rules)
local now = now_ms()
changes = cmsgpack.unpack(changes)
local call, unreadable = try_changes(changes, rules, sequence, now, head[3])
if not call then return { 'unreadable', unreadable } end
if #call.refusals > 1 then return call.refusals end
local answer = call.answer
if mode == 'check' then return seen_answer(to_keep(answer), head[11]) end

local known_horizon = count_in(head[5]) or 0
local horizon = longest_delay(rules, known_horizon)
local places = { 'sequence', sequence + #changes }
if horizon > known_horizon then append(places, 'horizon', horizon) end
if call.coalesced > 0 then append(places, 'coalesced', (count_in(head[6]) or 0) + call.coalesced) end
if call.annihilated > 0 then append(places, 'annihilated', (count_in(head[7]) or 0) + call.annihilated) end
local age, calls = now - (count_in(head[8]) or 0), sequence - (count_in(head[9]) or 0)
local kept = to_keep(answer)

local is_aged = age >= seen_ms or (calls >= seen_calls and age >= seen_ms / 10)

-- The rarest command first: Redis refuses a user without the right before anything is written.
if is_aged then new_generation(seen, seen_old) end
write_rows(call.rows, call.order, rules, now, head[4])
note_policies(now)
if head[12] then drop_copies(call.order) end
send('HSET', chain, places)
if is_aged then redis.call('HSET', chain, 'seenAt', now, 'seenFrom', sequence) end
redis.call('HSET', seen, call_id, kept)
write_counts()
return seen_answer(kept, head[11])
