-- Every dirty row has a time when it is due. A row without a time would never be written, so it gets the present time.
-- Needs: dirty, due
local function index_again(now)
  if redis.call('ZCARD', due) >= redis.call('HLEN', dirty) then return end
  -- A deletion first, of nothing: Redis then takes the rest when it is out of memory.
  redis.call('ZREM', due, '')
  for _, row_key in ipairs(redis.call('HKEYS', dirty)) do
    redis.call('ZADD', due, 'NX', now, row_key)
  end
end
