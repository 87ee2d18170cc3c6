-- A dead letter at rest is its heading and, right behind it, the bytes of the record as they were.
-- Needs: chain, dead, and what record and letters bring

-- include: numbers

-- Above the numbers of all letters there are.
local function next_letter()
  local highest = 0
  for _, id in ipairs(redis.call('HKEYS', dead)) do
    highest = math.max(highest, tonumber(id) or 0)
  end
  return highest + 1
end

local function bury(row_key, code, reason, token, now, bytes, message)
  local id = increase(chain, 'letters', 1, next_letter)
  redis.call('HSET', dead, id, cmsgpack.pack({ row_key, code, reason, token, now, message ~= '' and message or nil }) .. bytes)
  local record = decode(bytes)
  note_letter(row_key, id, record and record[FIRST] or 0, record and record[LAST] or count_in(redis.call('HGET', chain, 'sequence')) or 0, code)
end
