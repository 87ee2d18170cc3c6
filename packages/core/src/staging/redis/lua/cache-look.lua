-- Copies of rows, each with what is pending of its row, in one step: a claim or an acknowledgement in between would
-- move a record past the reader. If a row has no copy, and no batch, transaction or block keeps it, the reader gets a
-- ticket to put a copy there.
--
-- KEYS  chain, dirty, flight, recent, recent_old, held, cache, cache_old, cache_blocks, of one shard after the other
-- ARGV  epoch, run of the server, ticket, life of a ticket (ms), bytes of a generation,
--   per shard: table, number of its rows, row keys ... (a shard may stand there once for each of several tables)
-- returns  {'looked', per shard: token in flight or false, added parts of its batch or false, per row:
--   'copy', copy, carried records, dirty, in flight, remembered (bytes or false) |
--   'blocked row' or 'blocked table', packed transactions | 'ticket' | 'taken' | 'pending' | 'none'} | {'epoch', epoch}
local chain, dirty, flight, recent, recent_old, held, cache, cache_old, cache_blocks
local epoch, run, ticket, ticket_ms, generation_bytes = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

-- include: time
-- include: bulk
-- include: generations
-- include: copies

local now, answer = now_ms(), { 'looked' }

-- The rows of a shard and a table, and what blocks them.
local function read_rows(from)
  local table_field, row_keys, blocks = ARGV[from], {}, { 'run', 'stamp:' .. ARGV[from], 'table:' .. ARGV[from] }
  for index = 1, tonumber(ARGV[from + 1]) do
    row_keys[index] = ARGV[from + 1 + index]
    blocks[index + 3] = 'row:' .. row_keys[index]
  end
  return row_keys, get_all(cache_blocks, blocks)
end

-- The kind of answer for a row without a copy.
local function without_copy(row_key, is_taken, is_flying, stamp)
  -- The row that the reader would read may contain what is in flight, or may not.
  if is_flying then return 'pending' end
  if is_taken then return 'taken' end
  return keep(row_key, cmsgpack.pack({ TICKET_WORD, now + ticket_ms, stamp, ticket }), ticket_ms) and 'ticket' or 'none'
end

local function look_at_rows(from, head)
  local row_keys, blocks = read_rows(from)
  same_server(run, blocks[1])
  local stamp, table_block = blocks[2] or '', blocks[3]
  local layers = head[3] and head[3] ~= '0' and get_all(held, row_keys)
  local flying = head[2] and get_all(flight, row_keys)
  local young, waiting, given = get_all(cache, row_keys), nil, {}
  local at = #answer
  answer[at + 1], answer[at + 2] = head[2], head[4]
  for index, row_key in ipairs(row_keys) do
    at = #answer
    local row_block = blocks[index + 3]
    if table_block or row_block then
      answer[at + 1], answer[at + 2] = table_block and 'blocked table' or 'blocked row', table_block or row_block
    elseif layers and layers[index] then
      -- The transaction may have committed already.
      answer[at + 1] = 'pending'
    else
      local heading, copy, carried = entry_in(young[index] or redis.call('HGET', cache_old, row_key), stamp, now)
      if heading and heading[1] == COPY_WORD then
        waiting = waiting or get_all(dirty, row_keys)
        answer[at + 1], answer[at + 2], answer[at + 3], answer[at + 4] = 'copy', copy, carried, waiting[index]
        answer[at + 5] = flying and flying[index]
        answer[at + 6] = redis.call('HGET', recent, row_key) or redis.call('HGET', recent_old, row_key)
      else
        -- Several readers of one call may ask for the same row.
        answer[at + 1] = without_copy(row_key, heading or given[row_key], flying and flying[index], stamp)
        given[row_key] = true
      end
    end
  end
end

local from = 6
for index = 1, #KEYS, 9 do
  chain, dirty, flight, recent, recent_old = unpack(KEYS, index, index + 4)
  held, cache, cache_old, cache_blocks = unpack(KEYS, index + 5, index + 8)
  local head = redis.call('HMGET', chain, 'epoch', 'token', 'held', 'parts')
  if head[1] and head[1] ~= epoch then return { 'epoch', head[1] } end
  look_at_rows(from, head)
  from = from + 2 + tonumber(ARGV[from + 1])
end
return answer
