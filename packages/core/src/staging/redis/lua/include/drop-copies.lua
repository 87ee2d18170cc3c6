-- No copy of these rows, and no ticket for one, counts any more.
-- Needs: cache, cache_old, and what bulk brings
local function drop_copies(row_keys)
  -- Where something else stands under their keys there are none.
  pcall(send, 'HDEL', cache, row_keys)
  pcall(send, 'HDEL', cache_old, row_keys)
end
