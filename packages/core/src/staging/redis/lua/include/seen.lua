-- include: readable

-- The answer of a call that was seen before. Of the usual one, which has no versions to tell, only the stage sequence is kept. One that cannot be read is not answered as if it could: whether the
-- call ran is not known.
local function seen_answer(bytes, since)
  local sequence = tonumber(bytes)
  local answer = sequence and { 'staged', sequence } or unpack_safely(bytes)
  if not answer or (answer[1] ~= 'staged' and answer[1] ~= 'voided') then return { 'damaged', 'seen' } end
  if answer[1] == 'staged' then table.insert(answer, 3, since) end
  return answer
end

local function to_keep(answer)
  return #answer == 2 and answer[2] or cmsgpack.pack(answer)
end
