-- Records that are dirty or in flight, by entity: summed up here, written once.
-- Needs: stats, dirty, flight, and what record brings

-- include: numbers

local counts = {}

local function count(entity, difference)
  counts[entity] = (counts[entity] or 0) + difference
end

-- Counts anew what is there; nothing is to be written of it after this.
local function count_again(entity)
  local found = 0
  for _, key in ipairs({ dirty, flight }) do
    for _, bytes in ipairs(redis.call('HVALS', key)) do
      local record = decode(bytes)
      if record and record[ENTITY] == entity then found = found + 1 end
    end
  end
  return found
end

local function write_counts()
  for entity, difference in pairs(counts) do
    if difference ~= 0 then increase(stats, 'p:' .. entity, difference, function() return count_again(entity) end) end
  end
end
