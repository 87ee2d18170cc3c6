-- A dead letter at rest is its heading and, right behind it, the bytes of the record as they were.
-- Needs: chain, dead, and what record, letters and counts bring

-- include: numbers

-- If the number of the last letter is not known, the next one is above the numbers of all letters there are.
local function next_letter()
  local highest = count_in(value_of(chain, 'letters'))
  if highest then return highest + 1 end
  highest = 0
  for _, id in ipairs(redis.call('HKEYS', dead)) do
    highest = math.max(highest, count_in(id) or 0)
  end
  return highest + 1
end

local function bury(row_key, code, reason, token, now, bytes, message)
  local id, record = next_letter(), decode(bytes)
  set_value(chain, 'letters', id)
  set_value(dead, id, cmsgpack.pack({ row_key, code, reason, token, now, message ~= '' and message or nil }) .. bytes)
  if not record then must_recount = true end
  local last = record and record[LAST] or count_in(value_of(chain, 'sequence')) or 0
  note_letter(row_key, id, record and record[FIRST] or 0, last, code)
end
