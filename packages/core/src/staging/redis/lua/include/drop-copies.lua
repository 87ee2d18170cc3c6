-- Drops all copies of these rows, and all tickets for them.
-- Needs: cache, cache_old, and what bulk brings
local function drop_copies(row_keys)
  -- A key of another type holds no copies.
  pcall(send, 'HDEL', cache, row_keys)
  pcall(send, 'HDEL', cache_old, row_keys)
end
