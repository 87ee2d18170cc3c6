-- Every dirty row has a time when it is due. A row without one would never be written, so if any is missing, all that
-- have none are due now.
-- Needs: dirty, due
local function index_again(now)
  if redis.call('ZCARD', due) >= redis.call('HLEN', dirty) then return end
  -- A deletion first, of nothing: so Redis lets the rest pass when it is out of memory.
  redis.call('ZREM', due, '')
  for _, row_key in ipairs(redis.call('HKEYS', dirty)) do
    redis.call('ZADD', due, 'NX', now, row_key)
  end
end
