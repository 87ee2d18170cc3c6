-- Keeps copies of rows of one table, as PostgreSQL has them. A copy is taken only if its ticket is still there: since
-- the look-up, no batch with the row has ended, and no transaction has blocked it. While the row is in flight, blocked
-- or held, its ticket is void. What is dirty does not matter, because it is in no row yet.
--
-- KEYS[1] chain  KEYS[2] flight  KEYS[3] held  KEYS[4] cache  KEYS[5] cache_old  KEYS[6] cache_blocks
-- ARGV  epoch, run of the server, table, life of a copy (ms), bytes of a generation,
--   row key, ticket, bytes or '' to give the ticket back ...
-- returns  {'filled', copies taken} | {'epoch', epoch}
local chain = KEYS[1]
local flight = KEYS[2]
local held = KEYS[3]
local cache = KEYS[4]
local cache_old = KEYS[5]
local cache_blocks = KEYS[6]
local epoch, run, table_field, ttl_ms, generation_bytes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

-- include: time
-- include: generations
-- include: copies

local head = redis.call('HMGET', chain, 'epoch', 'token')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
local blocks = redis.call('HMGET', cache_blocks, 'run', 'stamp:' .. table_field, 'table:' .. table_field)
same_server(run, blocks[1])

local now, filled, stamp, table_block = now_ms(), 0, blocks[2] or '', blocks[3]

-- True if a row that was read may not be the row without what is pending.
local function is_unsettled(row_key)
  if table_block or redis.call('HEXISTS', cache_blocks, 'row:' .. row_key) == 1 then return true end
  -- The transaction that holds the row may have committed already.
  if redis.call('HEXISTS', held, row_key) == 1 then return true end
  return head[2] and redis.call('HEXISTS', flight, row_key) == 1
end

for index = 6, #ARGV, 3 do
  local row_key, ticket, bytes = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local heading = entry_in(redis.call('HGET', cache, row_key) or redis.call('HGET', cache_old, row_key), stamp, now)
  if heading and heading[1] == TICKET_WORD and heading[4] == ticket then
    if bytes == '' or is_unsettled(row_key) then
      redis.call('HDEL', cache, row_key)
      redis.call('HDEL', cache_old, row_key)
    elseif keep(row_key, cmsgpack.pack({ COPY_WORD, now + ttl_ms, stamp, '' }) .. bytes, ttl_ms) then
      filled = filled + 1
    end
  end
end
return { 'filled', filled }
