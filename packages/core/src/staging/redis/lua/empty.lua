-- Throws away all records, layers, remembered writes and dead letters of some tables, or the whole shard. The caller
-- holds the shard's lock in the database, so no batch is committed meanwhile.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead
-- KEYS[8] stats  KEYS[9] held  KEYS[10] holds  KEYS[11] cache  KEYS[12] cache_old
-- ARGV  epoch, last token that the database knows, 'all' | 'tables', beginnings of row keys ...
-- returns  {'emptied', records, dead letters} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local held = KEYS[9]
local holds = KEYS[10]
local cache = KEYS[11]
local cache_old = KEYS[12]
local epoch, last_token, scope = ARGV[1], ARGV[2], ARGV[3]

-- include: bulk
-- include: record
-- include: draft
-- include: counts
-- include: letters
-- include: in-scope
-- include: held
-- include: forget-layers
-- include: forget-scope

local head = redis.call('HMGET', chain, 'epoch', 'token')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
if not head[1] then
  redis.call('DEL', cache, cache_old)
  return { 'uninitialised' }
end

if scope == 'all' then
  local emptied = { 'emptied', redis.call('HLEN', dirty) + redis.call('HLEN', flight), redis.call('HLEN', dead) }
  -- The answers of groups stay: other shards may have run what this one remembers (R13).
  redis.call('DEL', chain, dirty, due, flight, recent, recent_old, dead, stats, held, holds, cache, cache_old)
  return emptied
end

want(4, #ARGV)

-- Takes the rows of the scope out of a hash of records. Answers their keys.
local function take_records(key)
  local gone = {}
  local pending = redis.call('HGETALL', key)
  for index = 1, #pending, 2 do
    local row_key = pending[index]
    if in_scope(row_key) then
      local record = decode(pending[index + 1])
      if record then
        count(record[ENTITY], -1)
        note_letter(row_key, 0, record[FIRST], record[LAST], 'EMPTIED')
      else
        must_recount = true
      end
      set_value(key, row_key, false)
      append(gone, row_key)
    end
  end
  return gone
end

local waiting, flying = take_records(dirty), take_records(flight)
for _, row_key in ipairs(waiting) do
  set_time(row_key, false)
end
forget(recent)
forget(recent_old)
forget_held()
local letters = discard_letters()
-- If no record of the batch is left, the batch ends. If it was committed, this acknowledges it.
local is_over = head[2] and #flying > 0 and redis.call('HLEN', flight) == #flying

-- The rarest command first, as in stage.lua.
check_draft()
redis.call('DEL', cache, cache_old)
write_draft()
if is_over then redis.call('HDEL', chain, 'token', 'predecessor', 'attempts', 'mark', 'parts') end
if is_over and head[2] == last_token then redis.call('HSET', chain, 'last', last_token) end
write_counts()
write_held_counts()
return { 'emptied', #waiting + #flying, letters }
