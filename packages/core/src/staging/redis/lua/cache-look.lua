-- Copies of rows of one table. If a row has no copy, no pending change and no block, the reader gets a ticket to put a
-- copy there.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] flight  KEYS[4] held  KEYS[5] cache  KEYS[6] cache_old  KEYS[7] cache_blocks
-- ARGV  epoch, run of the server, table, ticket, life of a ticket (ms), bytes of a generation, row keys ...
-- returns  {'looked', per row: 'copy', bytes | 'ticket', '' | 'taken', '' | 'pending', '' |
--   'blocked row' or 'blocked table', packed transactions | 'none', ''} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local flight = KEYS[3]
local held = KEYS[4]
local cache = KEYS[5]
local cache_old = KEYS[6]
local cache_blocks = KEYS[7]
local epoch, run, table_field, ticket = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local ticket_ms, generation_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])

-- include: time
-- include: generations
-- include: copies

local head = redis.call('HMGET', chain, 'epoch', 'token', 'cached')
if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
same_server(run)
-- From now on every stage call drops copies, even if its own policy has no cache.
if not head[3] then redis.call('HSET', chain, 'cached', 1) end

local now = now_ms()
local stamp = redis.call('HGET', cache_blocks, 'stamp:' .. table_field) or ''
local table_block = redis.call('HGET', cache_blocks, 'table:' .. table_field)

local function look(row_key)
  if is_pending(row_key, head[2]) then return 'pending', '' end
  if table_block then return 'blocked table', table_block end
  local row_block = redis.call('HGET', cache_blocks, 'row:' .. row_key)
  if row_block then return 'blocked row', row_block end
  local heading, copy = kept(row_key, stamp, now)
  if heading then return heading[1] == COPY_WORD and 'copy' or 'taken', copy end
  return keep(row_key, cmsgpack.pack({ TICKET_WORD, now + ticket_ms, stamp, ticket }), ticket_ms) and 'ticket' or 'none', ''
end

local answer = { 'looked' }
for index = 7, #ARGV do
  local status, bytes = look(ARGV[index])
  answer[#answer + 1] = status
  answer[#answer + 1] = bytes
end
return answer
