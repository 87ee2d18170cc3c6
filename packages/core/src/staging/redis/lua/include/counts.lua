-- How many records of each entity are dirty or in flight, and how many are held: summed up here, written once.
-- Needs: chain, stats, dirty, flight, and what record, bulk, and plain or draft bring

-- Field of `stats`, or of `chain`, -> what is added. `must_recount`: somebody has met a record that cannot be read,
-- so whose it is is not known.
local counts, chain_counts, must_recount = {}, {}, false

local function count(entity, difference)
  local name = 'p:' .. entity
  put(counts, name, (counts[name] or 0) + difference)
end

-- The last that a script writes. What is no number begins anew, at one at least: whoever asks whether there is any
-- has to look.
local function write_counts()
  local function add_all(key, differences)
    for field, difference in pairs(differences) do
      local answer = difference ~= 0 and redis.pcall('HINCRBY', key, field, difference)
      if type(answer) == 'table' then
        must_recount = true
        redis.pcall('HSET', key, field, math.max(1, difference))
      end
    end
  end
  add_all(stats, counts)
  if next(chain_counts) then add_all(chain, chain_counts) end
  if not must_recount then return end

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
