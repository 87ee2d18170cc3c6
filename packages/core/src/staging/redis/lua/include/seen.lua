-- The answer of a call that was seen before. Of the usual one, which has no versions to tell, only the stage sequence is kept.
local function seen_answer(bytes, since)
  local sequence = tonumber(bytes)
  local answer = sequence and { 'staged', sequence } or cmsgpack.unpack(bytes)
  if answer[1] == 'staged' then table.insert(answer, 3, since) end
  return answer
end

local function to_keep(answer)
  return #answer == 2 and answer[2] or cmsgpack.pack(answer)
end
