-- Whether a row belongs to what a caller names, told by the row key alone.
-- Needs: scope, and WANTED_FROM: the place in ARGV where beginnings of row keys, or row keys, begin

local wanted = {}
for index = WANTED_FROM, #ARGV do
  wanted[ARGV[index]] = true
end

-- A row key is a JSON array of schema, table and key, so that its beginning up to the comma after the table names the table.
local function in_scope(row_key)
  if scope == 'all' then return true end
  if scope == 'rows' then return wanted[row_key] end
  for beginning in pairs(wanted) do
    if string.sub(row_key, 1, #beginning) == beginning then return true end
  end
  return false
end
