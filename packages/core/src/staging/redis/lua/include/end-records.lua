-- The end of those records of a batch that its caller has not read, or that are not simply applied.
-- Needs: any_held, token, and what end-copies, counts, settle, retell, bury, draft and end-unreadable bring

local function end_record(row_key, record, outcome, bytes, is_whole, now, written)
  count(record[ENTITY], -1)
  note_written(row_key, record, outcome, bytes, is_whole)
  local before = any_held and known_dirty(row_key)
  settle(row_key, record, outcome, now, written)
  if any_held then retell(row_key, record, outcome, before) end
end

-- `records`: row key, bytes, ... `parts`: nil if they cannot be read. Answers the longest time that any record of the
-- shard may have to wait, which was `horizon`.
local function end_records(records, outcomes, parts, horizon, now, written)
  local is_whole = parts and #parts == 0
  for index = 1, #records, 2 do
    local row_key, bytes = records[index], records[index + 1]
    -- A row key that is no text is a different key for the worker that has written the batch.
    local record, outcome = is_text(row_key) and decode(bytes), outcomes[row_key]
    if outcome and outcome[1] == 'again' then horizon = math.max(horizon, outcome[DELAY]) end
    if not parts and not outcome then
      if record then count(record[ENTITY], -1) end
      local told = 'What was added to its batch cannot be read: whether this was written is not known'
      bury(row_key, 'STAGING_LOSS', told, token, now, bytes)
    elseif not record or not attempt(end_record, row_key, record, outcome, bytes, is_whole, now, written) then
      end_unreadable(row_key, bytes, outcome, now)
    end
  end
  return horizon
end
