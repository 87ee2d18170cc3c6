-- A transaction is about to commit. Until it has ended, the rows that it writes, or the whole table, have no copies.
--
-- KEYS[1] chain  KEYS[2] cache  KEYS[3] cache_old  KEYS[4] cache_blocks
-- ARGV  epoch, transaction, table, row keys ... (none: all)
-- returns  {'blocked'} | {'epoch', epoch}
local chain = KEYS[1]
local cache = KEYS[2]
local cache_old = KEYS[3]
local cache_blocks = KEYS[4]
local epoch, transaction, table_field = ARGV[1], ARGV[2], ARGV[3]

-- include: time
-- include: bulk
-- include: drop-copies
-- include: blocks

local present = redis.call('HGET', chain, 'epoch')
if present and present ~= epoch then return { 'epoch', present } end
local row_keys = rows_of(4)
drop(row_keys)
local blocked = {}
for _, field in ipairs(fields_of(row_keys)) do
  local others = writers(field)
  local is_known = false
  for _, other in ipairs(others) do
    is_known = is_known or other == transaction
  end
  if not is_known then others[#others + 1] = transaction end
  append(blocked, field, cmsgpack.pack(others))
end
send('HSET', cache_blocks, blocked)
return { 'blocked' }
