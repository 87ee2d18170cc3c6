-- Records that are dirty or in flight, by entity: summed up here, written once.
-- Needs: stats
local counts = {}

local function count(entity, difference)
  counts[entity] = (counts[entity] or 0) + difference
end

local function write_counts()
  for entity, difference in pairs(counts) do
    if difference ~= 0 then redis.call('HINCRBY', stats, 'p:' .. entity, difference) end
  end
end
