-- Whether a shard has a pending record of a wanted entity, by its counts.

-- The names of the counts of the entities that are named by some of the arguments.
local function counts_of(first, last)
  local names = {}
  for index = first, last do
    names['p:' .. ARGV[index]] = true
  end
  return names
end

-- A count that cannot be read counts as pending: a shard that is left out by its counts is not looked at.
local function holds_any(stats, left_out)
  local counts = redis.pcall('HGETALL', stats)
  if counts.err then return true end
  for index = 1, #counts, 2 do
    local name = counts[index]
    local is_wanted = string.sub(name, 1, 2) == 'p:' and not left_out[name]
    if is_wanted and (tonumber(counts[index + 1]) or 1) > 0 then return true end
  end
  return false
end
