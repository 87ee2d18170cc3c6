-- Brings a dead letter back, as in retry-letter.ts. `row`: dirty, flight, and version and sequence of the last write.

local function overtaken(letter, row)
  if row.dirty or row.flight or letter[BASE] == 'conflict' then return true end
  if row.sequence > letter[LAST] then return true end
  return letter[BASE] ~= '' and compare(row.version, letter[BASE]) > 0
end

local function based_on_what_is_known(letter, row)
  if letter[BASE] == '' then return letter end
  local known = row.flight and known_version(row.flight) or ''
  if known == '' then known = row.version end
  letter[BASE] = known
  if known == '' then
    if letter[KIND] == 'update' then letter[VERSION] = '' end
  elseif letter[VERSION] ~= '' then
    letter[VERSION] = above(letter[VERSION], known) or letter[VERSION]
  end
  return letter
end

-- nil: a sum of differences leaves int64.
local function revive(letter, row)
  if not row.dirty then return based_on_what_is_known(letter, row) end
  letter[BASE], letter[VERSION] = '', ''
  local merged = merge(letter, row.dirty)
  if merged and merged[VERSION] ~= '' then merged[VERSION] = add(merged[VERSION], '1') or merged[VERSION] end
  return merged
end
