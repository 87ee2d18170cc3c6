-- Tells by the row key alone if a row belongs to the scope that the caller names.
-- Needs: scope

local wanted = {}

-- Wants the rows that are named by some of the arguments: beginnings of row keys, or row keys.
local function want(first, last)
  wanted = {}
  for index = first, last do
    wanted[ARGV[index]] = true
  end
end

-- A row key is a JSON array of schema, table and key. Its beginning, up to the comma after the table, names the table.
local function in_scope(row_key)
  if scope == 'all' or scope == 'anyhow' then return true end
  if scope == 'rows' then return wanted[row_key] end
  for beginning in pairs(wanted) do
    if string.sub(row_key, 1, #beginning) == beginning then return true end
  end
  return false
end
