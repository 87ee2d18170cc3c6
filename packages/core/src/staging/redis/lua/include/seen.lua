-- include: readable

-- The first answer of a call that was seen before. The usual answer tells no versions, so only its stage sequence is
-- kept. If an answer cannot be read, it is not known if the call ran: that is 'damaged'.
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
