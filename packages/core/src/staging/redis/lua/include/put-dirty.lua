-- Makes a record dirty again, alone or under a newer one.
-- Needs: chain, dirty, token, and what time, merge, counts and bury bring

local has_come_back = false

local function put_dirty(row_key, before, record)
  has_come_back = true
  if before then count(before[ENTITY], -1) end
  count(record[ENTITY], 1)
  set_value(dirty, row_key, cmsgpack.pack(record))
end

-- include: hidden

local function put_under(row_key, older, newer, code, reason, now, message)
  if is_hidden_by(older, newer) then return bury(row_key, 'CONFLICT', reason_hidden, token, now, cmsgpack.pack(older)) end
  local merged = merge(older, newer)
  if merged then
    put_dirty(row_key, newer, merged)
  else
    bury(row_key, code, reason, token, now, cmsgpack.pack(older), message)
  end
end

-- A record that cannot be read cannot be merged with the one that comes back. It becomes a dead letter.
local function bury_unreadable(row_key, bytes, now)
  must_recount = true
  bury(row_key, 'UNREADABLE', 'It cannot be read, and its batch has come back', token, now, bytes)
end

-- A drain waits for marked records, and a record that comes back is no longer marked. This tells the drains of all
-- processes.
local function tell_drains(mark)
  if mark and has_come_back then increase(chain, 'putOff', 1, now_ms) end
end
