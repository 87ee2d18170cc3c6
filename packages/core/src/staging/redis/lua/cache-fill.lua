-- Keeps copies of rows of one table, as PostgreSQL has them. A copy is taken only if its ticket is still there: since
-- the look-up, no batch with the row has ended, and no transaction has blocked it. While the row is in flight, blocked
-- or held, its ticket is void. What is dirty does not matter, because it is in no row yet.
--
-- KEYS  chain, flight, held, cache, cache_old, cache_blocks, of one shard after the other
-- ARGV  epoch, run of the server, bytes of a generation, then per shard: number of what follows, table,
--   life of a copy (ms), row key, ticket, bytes or '' to give the ticket back ...
-- returns  {'each', per shard: {'filled', 1 per row whose copy is taken, or 0 ...} | {'epoch', epoch} |
--   {'failed', what Redis says}}
local epoch, run, generation_bytes = ARGV[1], ARGV[2], tonumber(ARGV[3])
local chain, flight, held, cache, cache_old, cache_blocks

-- include: each-shard
-- include: time
-- include: generations
-- include: copies

local now = now_ms()

-- True if a row that was read may not be the row without what is pending.
local function is_unsettled(row_key, token)
  if redis.call('HEXISTS', cache_blocks, 'row:' .. row_key) == 1 then return true end
  -- The transaction that holds the row may have committed already.
  if redis.call('HEXISTS', held, row_key) == 1 then return true end
  return token and redis.call('HEXISTS', flight, row_key) == 1
end

-- True if the copy is taken.
-- `shuts`: who blocks the whole table, or false. `token`: of what is in flight, or false.
local function fill_row(row_key, ticket, bytes, stamp, ttl_ms, shuts, token)
  local heading = entry_in(redis.call('HGET', cache, row_key) or redis.call('HGET', cache_old, row_key), stamp, now)
  if not heading or heading[1] ~= TICKET_WORD or heading[4] ~= ticket then return false end
  if bytes == '' or shuts or is_unsettled(row_key, token) then
    redis.call('HDEL', cache, row_key)
    redis.call('HDEL', cache_old, row_key)
    return false
  end
  return keep(row_key, cmsgpack.pack({ COPY_WORD, now + ttl_ms, stamp, '' }) .. bytes, ttl_ms)
end

local function fill(first, last)
  local table_field, ttl_ms = ARGV[first], tonumber(ARGV[first + 1])
  local head = redis.call('HMGET', chain, 'epoch', 'token')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  local blocks = redis.call('HMGET', cache_blocks, 'run', 'stamp:' .. table_field, 'table:' .. table_field)
  same_server(run, blocks[1])
  local stamp, answer = blocks[2] or '', { 'filled' }
  for at = first + 2, last, 3 do
    answer[#answer + 1] = fill_row(ARGV[at], ARGV[at + 1], ARGV[at + 2], stamp, ttl_ms, blocks[3], head[2]) and 1 or 0
  end
  return answer
end

local answers, from = { 'each' }, 4
for at = 1, #KEYS, 6 do
  chain, flight, held = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  cache, cache_old, cache_blocks = KEYS[at + 3], KEYS[at + 4], KEYS[at + 5]
  answers[#answers + 1], from = answer_of(fill, from)
end
return answers
