-- Puts a dead letter back as a dirty record, under whatever is dirty by now, unless its row was staged or written since; forced, all the same.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead  KEYS[8] stats
-- KEYS[9] cache  KEYS[10] cache_old
-- ARGV  epoch, id of the letter, 'force' or ''
-- returns  {'staged'} | {'newer'} | {'absent'} | {'overflow', row key} | {'left', row key} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local cache = KEYS[9]
local cache_old = KEYS[10]
local epoch, id, force = ARGV[1], ARGV[2], ARGV[3]

-- include: time
-- include: merge
-- include: recent
-- include: letters
-- include: counts
-- include: revive

local head = redis.call('HMGET', chain, 'epoch', 'token')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local bytes = redis.call('HGET', dead, id)
if not bytes then return { 'absent' } end

local heading, rest = heading_in(bytes)
if not heading then return { 'unreadable' } end
local row_key = heading[1]
bytes = rest
local record = decode(bytes)
-- Nobody would write it, nor see it.
if record and redis.call('HGET', chain, 'f:' .. record[ENTITY]) == 'left' then return { 'left', row_key } end
local newer, flying = redis.call('HGET', dirty, row_key), head[2] and redis.call('HGET', flight, row_key)
local version, _, sequence = recall(row_key)
local row = { dirty = newer and decode(newer), flight = flying and decode(flying), version = version, sequence = sequence }
if not record then
  if newer or flying then return { 'newer' } end
  redis.call('HDEL', dead, id)
  redis.call('HDEL', cache, row_key)
  redis.call('HDEL', cache_old, row_key)
  drop_letter(row_key, tonumber(id))
  redis.call('HSET', dirty, row_key, bytes)
  redis.call('ZADD', due, now_ms(), row_key)
  return { 'staged' }
end

local late = overtaken(record, row)
if late and force ~= 'force' then return { 'newer' } end
record[ATTEMPTS], record[DOUBTFUL] = 0, 0
local revived = record
if late then revived = revive(record, row) end
if not revived then return { 'overflow', row_key } end
redis.call('HDEL', dead, id)
redis.call('HDEL', cache, row_key)
redis.call('HDEL', cache_old, row_key)
drop_letter(row_key, tonumber(id))
redis.call('HSET', dirty, row_key, cmsgpack.pack(revived))
redis.call('ZADD', due, 'NX', now_ms(), row_key)
if row.dirty then count(row.dirty[ENTITY], -1) end
count(revived[ENTITY], 1)
write_counts()
return { 'staged' }
