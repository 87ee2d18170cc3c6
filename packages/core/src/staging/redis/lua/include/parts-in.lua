-- The parts of a batch, as they stand in its chain.
-- Needs: what readable brings

-- include: list

local function is_part(part)
  local length = type(part) == 'table' and length_of(part)
  if not length or length % 3 ~= 0 then return false end
  for index = 1, length do
    if type(part[index]) ~= 'string' then return false end
  end
  return true
end

-- nil: they cannot be read, so it is not known which records of the batch were committed. A single record that cannot
-- be read concerns only its row.
local function parts_in(packed)
  if not packed then return {} end
  local parts = unpack_safely(packed)
  if not parts or not length_of(parts) then return nil end
  for _, part in ipairs(parts) do
    if not is_part(part) then return nil end
  end
  return parts
end
