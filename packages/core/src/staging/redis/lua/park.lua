-- Heals a broken chain: parks every pending record that the database cannot settle by a version ('park'), or keeps them
-- ('apply'), and lets the chain go on from the database's last token. Drops all copies: forgotten changes may have been
-- written. Changes nothing if the chain is not as the caller saw it.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead
-- KEYS[8] stats  KEYS[9] held  KEYS[10] cache  KEYS[11] cache_old
-- ARGV  epoch, token seen in flight or '', last token seen, last token that the database knows, 'park' or 'apply',
--   reason, most dead letters, how long one is kept (ms) or 0
-- returns  {'parked', parked, doubtful, dropped letters, packed, or ''} | {'moved'} | {'uninitialised'} |
--   {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local held = KEYS[9]
local cache = KEYS[10]
local cache_old = KEYS[11]
local epoch, seen_token, seen_last, last_token, on_loss, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local keep_letters, keep_ms = tonumber(ARGV[7]), tonumber(ARGV[8])

-- include: time
-- include: bulk
-- include: merge
-- include: draft
-- include: counts
-- include: letters
-- include: bury
-- include: drop-letters
-- include: doubt
-- include: park-row
-- include: held
-- include: doubt-layers

local head = redis.call('HMGET', chain, 'epoch', 'token', 'last', 'mark')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local token = head[2] or ''
if token ~= seen_token or (token == '' and head[3] ~= seen_last) then return { 'moved' } end

-- As in acknowledge.lua.
redis.call('HDEL', chain, 'nothing')
local now, parked, doubtful = now_ms(), 0, 0
local pending, flying = redis.call('HGETALL', dirty), redis.call('HGETALL', flight)

local waiting = {}
for index = 1, #pending, 2 do
  waiting[pending[index]] = pending[index + 1]
end
for index = 1, #flying, 2 do
  parked = parked + put_together(waiting, flying[index], flying[index + 1], token, now)
end
if on_loss == 'park' then doubt_layers(waiting) end
for row_key, bytes in pairs(waiting) do
  local became = park_row(row_key, bytes, token, now)
  if became == 'doubtful' then doubtful = doubtful + 1 end
  if became == 'parked' then parked = parked + 1 end
end

local dropped = drop_letters(keep_letters, keep_ms, now)
-- The rarest command first, as in stage.lua.
check_draft()
redis.call('DEL', cache, cache_old, flight)
write_draft()
redis.call('HDEL', chain, 'token', 'predecessor', 'attempts', 'mark', 'parts')
redis.call('HSET', chain, 'last', last_token, 'since', now)
-- As in put-dirty.lua: records of the batch that stay are no longer marked.
if head[4] then increase(chain, 'putOff', 1, now_ms) end
write_counts()
return { 'parked', parked, doubtful, dropped }
