-- Tells if an older record must not be merged beneath a newer one, as isHiddenBy in settle-record.ts.

local reason_hidden = 'A newer change sets the same properties, upon a row that another writer had given the same version'

local function is_upon_another_row(newer, older)
  return newer[DOUBTFUL] == ROW_BASE and newer[BASE] == known_version(older)
end

local function is_hidden_by(older, newer)
  if not is_upon_another_row(newer, older) then return false end
  if newer[KIND] == 'delete' or newer[KIND] == 'replace' then return true end
  for property in pairs(newer[VALUES]) do
    if older[VALUES][property] or older[DELTAS][property] then return true end
  end
  return false
end
