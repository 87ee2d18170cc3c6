-- Ends a batch as its ledger row says, record by record, and makes its token the last acknowledged one.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead  KEYS[8] stats  KEYS[9] held
-- ARGV  epoch, token, outcomes that are not "applied": row key -> parts, life of what is remembered (ms), rows remembered per generation
-- returns  {'done'} | {'absent'} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local held = KEYS[9]
local epoch, token, outcomes = ARGV[1], ARGV[2], cmsgpack.unpack(ARGV[3])
local remember_ms, remember_rows = tonumber(ARGV[4]), tonumber(ARGV[5])

-- include: time
-- include: bulk
-- include: merge
-- include: recent
-- include: generations
-- include: counts
-- include: letters
-- include: bury
-- include: settle
-- include: parts
-- include: held
-- include: retell

local head = redis.call('HMGET', chain, 'epoch', 'token', 'recentAt', 'horizon', 'held', 'parts', 'mark')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
if head[2] ~= token then return { 'absent' } end

any_held = head[5] and head[5] ~= '0'
local parts = parts_in(head[6])
if not parts then return { 'damaged', 'chain' } end
local now, horizon = now_ms(), count_in(head[4]) or 0
local records = redis.call('HGETALL', flight)
redis.call('DEL', flight)
redis.call('HDEL', chain, 'token', 'predecessor', 'attempts', 'mark', 'parts')
if #parts > 0 then records = without_uncovered(parts, records, outcomes, now) end

local written = {}
for index = 1, #records, 2 do
  local row_key, bytes = records[index], records[index + 1]
  -- A row key that is no text is another one for whoever has written the batch.
  local record, outcome = is_text(row_key) and decode(bytes), outcomes[row_key]
  if not record then
    bury(row_key, outcome and outcome[CODE] or 'UNREADABLE', outcome and outcome[REASON] or 'Its bytes are no record', token, now, bytes)
    if any_held then retell(row_key, nil, { 'superseded', '' }, known_dirty(row_key)) end
  else
    count(record[ENTITY], -1)
    if outcome and outcome[1] == 'again' then horizon = math.max(horizon, outcome[DELAY]) end
    local before = any_held and known_dirty(row_key)
    settle(row_key, record, outcome, now, written)
    if any_held then retell(row_key, record, outcome, before) end
  end
end

if now - (count_in(head[3]) or 0) >= remember_ms or redis.call('HLEN', recent) >= remember_rows then
  new_generation(recent, recent_old)
  redis.call('HSET', chain, 'recentAt', now)
end
send('HSET', recent, written)
redis.call('HSET', chain, 'last', token, 'horizon', horizon)
tell_drains(head[7])
write_counts()
return { 'done' }
