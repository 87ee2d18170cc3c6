-- Collects the writes of a script: fields of hashes, and times in `due`. Redis undoes nothing. A script therefore
-- judges everything first, against its drafts, and writes in the end, by commands that do not fail.
-- Needs: what bulk brings; `due`, where times are drafted

-- include: undo

-- Keeps all that an act puts, or nothing if the act raises. Answers true if it has not raised. An error of Redis ends
-- the script.
local function attempt(act, ...)
  local size = undo_size
  local is_done, problem = pcall(act, ...)
  if is_done then return true end
  if is_of_redis(problem) then error(problem, 0) end
  take_back_to(size)
  return false
end

local drafts, drafted_times = {}, {}

-- A field as it will be; false: there is none.
local function value_of(key, field)
  local fields = drafts[key]
  local value = fields and fields[field]
  if value == nil then value = redis.call('HGET', key, field) end
  return value
end

-- False takes the field away.
local function set_value(key, field, value)
  if not drafts[key] then drafts[key] = {} end
  put(drafts[key], field, value)
end

local function time_of(row_key)
  local time = drafted_times[row_key]
  if time == nil then time = redis.call('ZSCORE', due, row_key) end
  return time
end

local function set_time(row_key, time)
  put(drafted_times, row_key, time)
end

-- Raises if a key is of another type, before anything is written.
local function check_draft()
  for key in pairs(drafts) do
    redis.call('HLEN', key)
  end
  if next(drafted_times) then redis.call('ZCARD', due) end
end

-- Takes away before it adds: after a deletion Redis takes the rest even when it is out of memory.
local function write_draft()
  check_draft()
  local added = {}
  for key, fields in pairs(drafts) do
    local gone = {}
    added[key] = {}
    for field, value in pairs(fields) do
      if value then append(added[key], field, value) else gone[#gone + 1] = field end
    end
    send('HDEL', key, gone)
  end
  for key, values in pairs(added) do
    send('HSET', key, values)
  end
  if not next(drafted_times) then return end
  local times, gone = {}, {}
  for row_key, time in pairs(drafted_times) do
    if time then append(times, time, row_key) else gone[#gone + 1] = row_key end
  end
  send('ZREM', due, gone)
  send('ZADD', due, times)
end
