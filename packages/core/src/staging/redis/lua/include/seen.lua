-- The answer of a call that was seen before; the usual one, with nothing to tell, is kept as an empty text.
local function seen_answer(bytes)
  return bytes == '' and { 'staged' } or cmsgpack.unpack(bytes)
end
