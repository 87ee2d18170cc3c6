-- Takes the rows of the scope out of a hash whose values are of no interest.
-- Needs: what bulk and in-scope bring
local function forget(key)
  local gone = {}
  for _, row_key in ipairs(redis.call('HKEYS', key)) do
    if in_scope(row_key) then append(gone, row_key) end
  end
  send('HDEL', key, gone)
end
