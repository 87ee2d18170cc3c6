-- Drops dead letters that are too many or too old, the oldest first, in the act that buries more. Letters are numbered
-- as they come, so the oldest is found from the lowest number that there may be, without a look at all of them.
-- Needs: chain, dead, and what record and draft bring

-- include: numbers

-- Most numbers that an act looks at, beside those of the letters that it has made. A limit that was lowered is thus
-- reached in several acts, and no act keeps Redis busy for long.
local MOST_LOOKS = 500

-- How many letters there will be, and how many of them are new.
local function count_letters()
  local there, new = redis.pcall('HLEN', dead), 0
  for _, value in pairs(drafts[dead] or nothing) do
    if value then new = new + 1 end
  end
  -- If the key is of another type, writing a letter raises.
  return (type(there) == 'number' and there or 0) + new, new
end

-- When the record was buried. A letter that cannot be read has no time: it counts as the oldest.
local function buried_at(heading)
  return heading and is_count(heading[5]) and heading[5] or 0
end

-- The row key, entity, code and time of a letter that goes.
local function told_of(heading, bytes)
  local record = heading and decode(bytes)
  local code = heading and type(heading[2]) == 'string' and heading[2] or 'UNREADABLE'
  return { heading and heading[1] or '', record and record[ENTITY] or '', code, buried_at(heading) }
end

-- `life`: how long a letter is kept (ms), 0 for as long as there is room. Answers the letters that go, packed; '' if
-- none does.
local function drop_letters(most, life, now)
  local there, new = count_letters()
  if there == 0 or (there <= most and life == 0) then return '' end
  local last, gone = count_in(value_of(chain, 'letters')) or 0, {}
  local first = count_in(value_of(chain, 'lettersFrom')) or 1
  if first > last + 1 then first = 1 end
  local from = first
  while from <= last and from < first + MOST_LOOKS + new do
    local bytes = value_of(dead, from)
    if bytes then
      local heading, rest = heading_in(bytes)
      local is_old = life > 0 and now - buried_at(heading) > life
      if there <= most and not is_old then break end
      append(gone, told_of(heading, rest))
      set_value(dead, from, false)
      there = there - 1
    end
    from = from + 1
  end
  if from > first then set_value(chain, 'lettersFrom', from) end
  if #gone == 0 then return '' end
  set_value(chain, 'lettersDropped', (count_in(value_of(chain, 'lettersDropped')) or 0) + #gone)
  return cmsgpack.pack(gone)
end
