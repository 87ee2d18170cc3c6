-- The parts of a batch, as they stand in its chain.
-- Needs: what record brings

-- nil: they cannot be read, so it is not known what of the batch was committed.
local function parts_in(packed)
  local parts = not packed and {} or unpack_safely(packed)
  for _, part in ipairs(parts or {}) do
    if type(part) ~= 'table' then return nil end
    for index = 1, #part, 3 do
      local added = part[index + 2]
      if type(part[index + 1]) ~= 'string' or type(added) ~= 'string' or not decode(added) then return nil end
    end
  end
  return parts
end
