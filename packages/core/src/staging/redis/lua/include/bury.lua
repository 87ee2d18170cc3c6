-- A dead letter at rest is its heading and, right behind it, the bytes of the record as they were.
-- Needs: chain, dead, and what record, letters and counts bring

-- A number that is damaged goes on from the time, so that no letter takes another's place.
local function next_letter(now)
  local last = value_of(chain, 'letters')
  return (last and (tonumber(last) or now) or 0) + 1
end

local function bury(row_key, code, reason, token, now, bytes)
  local id, record = next_letter(now), decode(bytes)
  set_value(chain, 'letters', id)
  set_value(dead, id, cmsgpack.pack({ row_key, code, reason, token, now }) .. bytes)
  if not record then must_recount = true end
  local last = record and record[LAST] or tonumber(value_of(chain, 'sequence')) or 0
  note_letter(row_key, id, record and record[FIRST] or 0, last, code)
end
