-- Copies of rows in two generations. When the younger is full, the older goes. An entry is a heading, then the copy.
-- The heading: { 'ticket' or 'copy', good until (ms), stamp of its table, ticket }
-- Needs: dirty, flight, held, cache, cache_old, cache_blocks, generation_bytes, and generations

-- include: readable
-- include: numbers

local TICKET_WORD, COPY_WORD = 'ticket', 'copy'
local OVERHEAD_BYTES = 100

-- Another run of the server may have fallen back to an older state. Its copies may then be older than later commits.
local function same_server(run)
  if redis.call('HGET', cache_blocks, 'run') == run then return end
  redis.call('DEL', cache, cache_old)
  redis.call('HSET', cache_blocks, 'run', run)
end

-- The heading and the copy of a row; nil: no entry that is still good.
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
  -- The last command that may fail: a key of another type may stand there.
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

-- A held change counts as pending: its transaction may have committed already.
local function is_pending(row_key, in_flight)
  if redis.call('HEXISTS', dirty, row_key) == 1 or redis.call('HEXISTS', held, row_key) == 1 then return true end
  return in_flight and redis.call('HEXISTS', flight, row_key) == 1
end
