-- Takes the rows of the scope out of hashes.
-- Needs: held, dead, and what draft, in-scope, held and forget-layers bring

-- For a hash whose values need no look.
local function forget(key)
  for _, row_key in ipairs(redis.call('HKEYS', key)) do
    if in_scope(row_key) then set_value(key, row_key, false) end
  end
end

local function forget_held()
  any_held = true
  for _, row_key in ipairs(redis.call('HKEYS', held)) do
    local is_read = not in_scope(row_key) or take_layers(row_key, function() return true end)
    if not is_read then
      set_value(held, row_key, false)
      must_recount_held = true
    end
  end
end

-- A letter whose heading cannot be read belongs to no table, and stays.
local function discard_letters()
  local discarded = 0
  local letters = redis.call('HGETALL', dead)
  for index = 1, #letters, 2 do
    local heading = heading_in(letters[index + 1])
    if heading and in_scope(heading[1]) then
      set_value(dead, letters[index], false)
      discarded = discarded + 1
    end
  end
  return discarded
end
