-- How many records of each entity are dirty or in flight: summed up here, written once.
-- Needs: stats, dirty, flight, and what record, bulk, and plain or draft bring

-- Entity -> difference. `must_recount`: a record cannot be read, so its entity is not known.
local counts, must_recount = {}, false

local function count(entity, difference)
  put(counts, entity, (counts[entity] or 0) + difference)
end

-- Counts all records anew.
local function recount()
  local found, numbers = {}, {}
  for _, name in ipairs(redis.call('HKEYS', stats)) do
    if string.sub(name, 1, 2) == 'p:' then found[name] = 0 end
  end
  for _, key in ipairs({ dirty, flight }) do
    for _, bytes in ipairs(redis.call('HVALS', key)) do
      local record = decode(bytes)
      local name = record and 'p:' .. record[ENTITY]
      if name then found[name] = (found[name] or 0) + 1 end
    end
  end
  for name, number in pairs(found) do
    append(numbers, name, number)
  end
  send('HSET', stats, numbers)
end

-- Call it after everything else is written.
local function write_counts()
  for entity, difference in pairs(counts) do
    local sum = difference ~= 0 and redis.pcall('HINCRBY', stats, 'p:' .. entity, difference)
    if type(sum) == 'table' then must_recount = true end
  end
  -- Fails if a key is of another type. The script goes on then, because the rest is already written.
  if must_recount then pcall(recount) end
end
