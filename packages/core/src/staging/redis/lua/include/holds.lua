-- What one hold is about: its rows, and the rules under which they were held. It stands behind a heading of its own, so that whoever lists holds need not read it.
-- Needs: held, holds, and what bulk and held bring

-- The rows that have a layer of a hold: for one whose own entry cannot be read.
local function rows_of_hold(id)
  local row_keys, all = {}, redis.call('HGETALL', held)
  for index = 1, #all, 2 do
    for _, layer in ipairs(readable_layers(all[index + 1]) or no_layers) do
      if layer[HOLD] == id then
        append(row_keys, all[index])
        break
      end
    end
  end
  return row_keys
end

-- { row keys, rules by entity }; nil: there is no such hold.
local function content_of(id)
  local heading = redis.call('HGET', holds, id)
  if not heading then return nil end
  local is_sound, content = pcall(function()
    local behind = cmsgpack.unpack_one(heading)
    local found = cmsgpack.unpack(string.sub(heading, behind + 1))
    for _, row_key in ipairs(found[1]) do
      string.len(row_key)
    end
    longest_delay(found[2], 0)
    return found
  end)
  return is_sound and content or { rows_of_hold(id), {} }
end
