-- Sets fields of tables so that they can be set back: an act that raises, or a unit that is refused, leaves nothing.
-- Needs: what bulk brings

local undo, undo_size, nothing = {}, 0, {}

local function put(map, field, value)
  local before = map[field]
  if before == nil then before = nothing end
  undo[undo_size + 1], undo[undo_size + 2], undo[undo_size + 3] = map, field, before
  undo_size = undo_size + 3
  map[field] = value
end

-- Sets back everything that was put since then. `size`: `undo_size` as it was then.
local function take_back_to(size)
  for at = undo_size - 2, size + 1, -3 do
    local before = undo[at + 2]
    if before == nothing then before = nil end
    undo[at][undo[at + 1]] = before
  end
  undo_size = size
end
