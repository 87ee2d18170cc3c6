-- Keeps copies of rows of one table. A copy is taken only if its ticket is still there: since the look-up, no change of
-- the row was staged, and no transaction has blocked it.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] held  KEYS[5] cache  KEYS[6] cache_old  KEYS[7] cache_blocks
-- ARGV  epoch, run of the server, table, life of a copy (ms), bytes of a generation,
--   row key, ticket, bytes or '' to give the ticket back ...
-- returns  {'filled', copies taken} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local held = KEYS[4]
local cache = KEYS[5]
local cache_old = KEYS[6]
local cache_blocks = KEYS[7]
local epoch, run, table_field, ttl_ms, generation_bytes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

-- include: time
-- include: generations
-- include: copies

local head = redis.call('HMGET', chain, 'epoch', 'token')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
same_server(run)

local now, filled = now_ms(), 0
local stamp = redis.call('HGET', cache_blocks, 'stamp:' .. table_field) or ''
local table_block = redis.call('HGET', cache_blocks, 'table:' .. table_field)
for index = 6, #ARGV, 3 do
  local row_key, ticket, bytes = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local heading = not table_block and kept(row_key, stamp, now)
  local is_open = heading and heading[1] == TICKET_WORD and heading[4] == ticket
  if is_open and bytes == '' then
    redis.call('HDEL', cache, row_key)
    redis.call('HDEL', cache_old, row_key)
  elseif is_open and not is_pending(row_key, head[2]) and redis.call('HEXISTS', cache_blocks, 'row:' .. row_key) == 0 then
    if keep(row_key, cmsgpack.pack({ COPY_WORD, now + ttl_ms, stamp, '' }) .. bytes, ttl_ms) then filled = filled + 1 end
  end
end
return { 'filled', filled }
