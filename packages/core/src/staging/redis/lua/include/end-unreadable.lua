-- The end of a record of a batch that cannot be read, or settled.
-- Needs: token, any_held, and what counts, settle, bury, draft and retell bring

-- If the ledger says written, the worker could read the record, unless its row key is no text. Otherwise it becomes a
-- dead letter.
local function end_unreadable(row_key, bytes, outcome, now)
  must_recount = true
  if not is_text(row_key) or (outcome and outcome[1] ~= 'applied' and outcome[1] ~= 'version') then
    local code, told, message = 'UNREADABLE', 'Its bytes are no record', nil
    if outcome and outcome[1] == 'buried' then code, told, message = outcome[CODE], outcome[REASON], outcome[MESSAGE] end
    bury(row_key, code, told, token, now, bytes, message)
  end
  attempt(function() if any_held then retell(row_key, nil, { 'superseded', '' }, known_dirty(row_key)) end end)
end
