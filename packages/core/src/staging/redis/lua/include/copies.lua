-- Copies of rows in two generations, the older of which goes when the younger is full. What is kept of a row is a heading, then the copy:
-- { 'ticket' or 'copy', good until (ms), stamp of its table, ticket }
-- Needs: dirty, flight, held, cache, cache_old, cache_blocks, generation_bytes, and generations

-- include: readable
-- include: numbers

local TICKET_WORD, COPY_WORD = 'ticket', 'copy'
local OVERHEAD_BYTES = 100

-- What was there before the server fell back to an older state of itself may be older than what has been committed since.
local function same_server(run)
  if redis.call('HGET', cache_blocks, 'run') == run then return end
  redis.call('DEL', cache, cache_old)
  redis.call('HSET', cache_blocks, 'run', run)
end

-- The heading and the copy of a row; nil where there is nothing that counts.
local function kept(row_key, stamp, now)
  local bytes = redis.call('HGET', cache, row_key) or redis.call('HGET', cache_old, row_key)
  if not bytes then return nil end
  local heading, copy = heading_in(bytes)
  if not heading or (tonumber(heading[2]) or 0) <= now or heading[3] ~= stamp then return nil end
  return heading, heading[1] == COPY_WORD and copy or ''
end

-- false: it is too large to be kept.
local function keep(row_key, bytes, for_ms)
  local size = #row_key + #bytes + OVERHEAD_BYTES
  if size > generation_bytes then return false end
  -- The last that may fail: something else stands under its key.
  redis.call('HLEN', cache_old)
  local used = count_in(redis.call('HGET', cache_blocks, 'bytes') or '0') or generation_bytes
  if used + size > generation_bytes then
    new_generation(cache, cache_old)
    used = 0
  end
  redis.call('HSET', cache_blocks, 'bytes', used + size)
  redis.call('HSET', cache, row_key, bytes)
  redis.call('HDEL', cache_old, row_key)
  if redis.call('PTTL', cache) < for_ms then redis.call('PEXPIRE', cache, for_ms) end
  return true
end

-- What a transaction holds may have been committed with it already.
local function is_pending(row_key, in_flight)
  if redis.call('HEXISTS', dirty, row_key) == 1 or redis.call('HEXISTS', held, row_key) == 1 then return true end
  return in_flight and redis.call('HEXISTS', flight, row_key) == 1
end
