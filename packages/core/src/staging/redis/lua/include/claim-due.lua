-- Finds the records to claim, and moves them into flight.
-- Needs: dirty, due, flight, and what bulk brings

-- include: marks
-- include: index-again

local BEFORE_TIME = '(1000000000000'

-- Answers row keys and the smallest mark of a drain among them. A time later than any record may have to wait was
-- stamped by a clock that ran ahead of this one: such a row is due too.
local function due_rows(now, limit, horizon)
  index_again(now)
  local found = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'WITHSCORES', 'LIMIT', 0, limit)
  local row_keys = {}
  for index = 1, #found, 2 do
    row_keys[#row_keys + 1] = found[index]
  end
  local mark = found[2] and tonumber(found[2]) < FIRST_TIME and found[2] or nil
  if #row_keys < limit then
    append(row_keys, unpack(redis.call('ZRANGEBYSCORE', due, now + horizon + 1, '+inf', 'LIMIT', 0, math.min(limit - #row_keys, CHUNK))))
  end
  return row_keys, mark
end

-- The rows that are named by some of the arguments and dirty, and the smallest mark among them.
local function named_rows(first, last)
  local named, mark, wanted = {}, nil, {}
  for index = first, last do
    wanted[index - first + 1] = ARGV[index]
  end
  local records = get_all(dirty, wanted)
  for index, row_key in ipairs(wanted) do
    if records[index] then
      named[#named + 1] = row_key
      mark = smaller_mark(mark, row_key)
    end
  end
  return named, mark
end

-- Takes away before it adds, so it works when Redis is out of memory, and makes room. Answers what was moved: row key,
-- record, ...
local function take_off(row_keys, records)
  local moved, size = {}, 0
  for index = 1, #row_keys do
    if records[index] then
      moved[size + 1], moved[size + 2] = row_keys[index], records[index]
      size = size + 2
    end
  end
  send('ZREM', due, row_keys)
  send('HDEL', dirty, row_keys)
  send('HSET', flight, moved)
  return moved
end
