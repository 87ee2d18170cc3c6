-- A transaction has ended. Its rows may have copies again, unless another transaction writes them too.
--
-- KEYS[1] chain  KEYS[2] cache  KEYS[3] cache_old  KEYS[4] cache_blocks
-- ARGV  epoch, transaction, table, row keys ... (none: all)
-- returns  {'unblocked'} | {'epoch', epoch}
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
local known, left, gone = false, {}, {}
for _, field in ipairs(fields_of(row_keys)) do
  local others = {}
  for _, other in ipairs(writers(field)) do
    if other == transaction then
      known = true
    else
      others[#others + 1] = other
    end
  end
  if #others > 0 then append(left, field, cmsgpack.pack(others)) else gone[#gone + 1] = field end
end
-- The server has forgotten the block, so readers may have filled in copies meanwhile.
if not known then drop(row_keys) end
send('HDEL', cache_blocks, gone)
send('HSET', cache_blocks, left)
return { 'unblocked' }
