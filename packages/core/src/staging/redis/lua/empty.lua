-- Throws away what is pending, remembered and dead of some tables, or forgets the shard altogether. Its caller holds the shard in the database, so that no batch is committed meanwhile.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] seen  KEYS[6] seen_old  KEYS[7] recent  KEYS[8] recent_old  KEYS[9] dead  KEYS[10] stats  KEYS[11] held  KEYS[12] holds
-- KEYS[13] cache  KEYS[14] cache_old
-- ARGV  epoch, last token that the database knows, 'all' | 'tables', beginnings of row keys ...
-- returns  {'emptied', records, dead letters} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local seen = KEYS[5]
local seen_old = KEYS[6]
local recent = KEYS[7]
local recent_old = KEYS[8]
local dead = KEYS[9]
local stats = KEYS[10]
local held = KEYS[11]
local holds = KEYS[12]
local cache = KEYS[13]
local cache_old = KEYS[14]
local epoch, last_token, scope = ARGV[1], ARGV[2], ARGV[3]
local WANTED_FROM = 4

-- include: bulk
-- include: record
-- include: counts
-- include: letters
-- include: in-scope
-- include: forget-scope
-- include: held
-- include: forget-layers

local head = redis.call('HMGET', chain, 'epoch', 'token')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
redis.call('DEL', cache, cache_old)
if not head[1] then return { 'uninitialised' } end

if scope == 'all' then
  local emptied = { 'emptied', redis.call('HLEN', dirty) + redis.call('HLEN', flight), redis.call('HLEN', dead) }
  redis.call('DEL', chain, dirty, due, flight, seen, seen_old, recent, recent_old, dead, stats, held, holds)
  return emptied
end

-- Takes the rows of the scope out of a hash of records; answers their keys.
local function take_records(key)
  local gone = {}
  local pending = redis.call('HGETALL', key)
  for index = 1, #pending, 2 do
    if in_scope(pending[index]) then
      local record = decode(pending[index + 1])
      if record then
        count(record[ENTITY], -1)
        note_letter(pending[index], 0, record[FIRST], record[LAST], 'EMPTIED')
      end
      append(gone, pending[index])
    end
  end
  send('HDEL', key, gone)
  return gone
end

-- A batch that was committed and not acknowledged is acknowledged by this, if nothing is left of it.
local function end_batch(token)
  if not token or redis.call('HLEN', flight) > 0 then return end
  redis.call('HDEL', chain, 'token', 'predecessor', 'attempts', 'mark', 'parts')
  if token == last_token then redis.call('HSET', chain, 'last', token) end
end

local function forget_held()
  any_held = true
  for _, row_key in ipairs(redis.call('HKEYS', held)) do
    if in_scope(row_key) then
      take_layers(row_key, function() return true end)
      redis.call('HDEL', held, row_key)
    end
  end
end

local function discard_letters()
  local gone = {}
  local letters = redis.call('HGETALL', dead)
  for index = 1, #letters, 2 do
    local heading = heading_in(letters[index + 1])
    if heading and in_scope(heading[1]) then append(gone, letters[index]) end
  end
  send('HDEL', dead, gone)
  return #gone
end

local waiting, flying = take_records(dirty), take_records(flight)
send('ZREM', due, waiting)
if #flying > 0 then end_batch(head[2]) end
forget(recent)
forget(recent_old)
forget_held()
local letters = discard_letters()
write_counts()
return { 'emptied', #waiting + #flying, letters }
