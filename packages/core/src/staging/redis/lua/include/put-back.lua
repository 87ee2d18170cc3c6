-- Makes records dirty again that were added to a batch and not written.
-- Needs: dirty, and what put-dirty, merge, bury and draft bring

local reason_put_back = 'Its transaction was rolled back in part, and the sum leaves int64'

local function put_back_row(row_key, record, now)
  local bytes = value_of(dirty, row_key)
  local newer = bytes and decode(bytes)
  if newer then return put_under(row_key, record, newer, 'COUNTER_OVERFLOW', reason_put_back, now) end
  if bytes then bury_unreadable(row_key, bytes, now) end
  put_dirty(row_key, nil, record)
  set_time(row_key, now)
end

-- Makes records dirty, under the records that are dirty by now.
local function put_back(back, now)
  for row_key, record in pairs(back) do
    if not attempt(put_back_row, row_key, record, now) then bury_unreadable(row_key, cmsgpack.pack(record), now) end
  end
end
