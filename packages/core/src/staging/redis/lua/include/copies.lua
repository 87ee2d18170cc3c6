-- Copies of rows in two generations. When the younger is full, the older goes. An entry is a heading, then the row as
-- it was read, then the records that acknowledgements have carried on: what was written of the row since.
-- The heading: { 'ticket' or 'copy', good until (ms), stamp of its table, ticket, carried records, bytes of the row }.
-- An entry without carried records lacks the last two.
-- Needs: cache, cache_old, cache_blocks, generation_bytes, and generations

-- include: readable
-- include: numbers

local TICKET_WORD, COPY_WORD = 'ticket', 'copy'
local OVERHEAD_BYTES = 100
local CARRIED, ROW_BYTES = 5, 6

-- Another run of the server may have fallen back to an older state. Its copies may then be older than later commits.
local function same_server(run, known)
  if known == run then return end
  redis.call('DEL', cache, cache_old)
  redis.call('HSET', cache_blocks, 'run', run)
end

-- The heading of an entry that is still good, the row, and the carried records. nil: there is none.
local function entry_in(bytes, stamp, now)
  local heading, content = heading_in(bytes or '')
  if not heading or (tonumber(heading[2]) or 0) <= now or (stamp and heading[3] ~= stamp) then return nil end
  if heading[1] ~= COPY_WORD then return heading, '', '' end
  local size = is_count(heading[ROW_BYTES]) and heading[ROW_BYTES]
  if not size then return heading, content, '' end
  return heading, string.sub(content, 1, size), string.sub(content, size + 1)
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
