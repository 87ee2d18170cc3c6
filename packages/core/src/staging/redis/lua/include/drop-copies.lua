-- No copy of these rows, and no ticket for one, counts any more.
-- Needs: cache, cache_old
local function drop_copies(row_keys)
  send('HDEL', cache, row_keys)
  send('HDEL', cache_old, row_keys)
end
