-- The content of one hold: its rows, and the rules under which they were held. It stands behind a heading, so a list of
-- all holds need not read it.
-- Needs: held, holds, and what readable brings

local function is_content(rows, rules)
  if type(rows) ~= 'table' or type(rules) ~= 'table' then return false end
  for _, row_key in ipairs(rows) do
    if type(row_key) ~= 'string' then return false end
  end
  for _, rule in pairs(rules) do
    if type(rule) ~= 'table' or not is_count(rule[1]) or not is_count(rule[2]) then return false end
  end
  return true
end

-- Row keys, and rules by entity; nil: there is no such hold. If they cannot be read, answers all rows with layers and
-- no rules: records that become dirty are then due at once.
local function content_of(id)
  local bytes = redis.call('HGET', holds, id)
  if not bytes then return nil end
  local _, behind = heading_in(bytes)
  local content = behind and unpack_safely(behind)
  if content and is_content(content[1], content[2]) then return content[1], content[2] end
  return redis.call('HKEYS', held), {}
end
