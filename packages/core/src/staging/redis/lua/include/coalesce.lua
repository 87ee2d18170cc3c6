-- include: merge

-- state > kind of the change : verdict. The state is the kind of the dirty record, or what is known of a row without
-- one. coalesce-change.ts explains the words.
local COALESCE = [[
unknown>insert:merge
unknown>update:merge
unknown>upsert:merge
unknown>delete:merge
unknown>increment:merge
there>insert:exists
there>update:merge
there>upsert:merge
there>delete:merge
there>increment:merge
gone>insert:merge
gone>update:deleted
gone>upsert:merge
gone>delete:again
gone>increment:deleted
insert>insert:exists
insert>update:merge
insert>upsert:merge
insert>delete:annul
insert>increment:merge
update>insert:exists
update>update:merge
update>upsert:merge
update>delete:merge
update>increment:merge
upsert>insert:exists
upsert>update:merge
upsert>upsert:merge
upsert>delete:merge
upsert>increment:merge
replace>insert:exists
replace>update:merge
replace>upsert:merge
replace>delete:merge
replace>increment:merge
delete>insert:merge
delete>update:deleted
delete>upsert:merge
delete>delete:again
delete>increment:deleted
increment>insert:exists
increment>update:merge
increment>upsert:merge
increment>delete:merge
increment>increment:merge
]]

-- include: coalesce-parts

-- Answers 'dirty' and the record, 'nothing', or 'refused', the reason and the newest version. `row` has its key, dirty,
-- flight, and pending (version). The change becomes the record: it is stamped in place.
local function coalesce(row, change, sequence, now)
  -- A change that makes its row where it is missing is accepted for a deleted row too.
  local is_any = type(change[CHANGE_MISSING]) == 'table'
  local is_plain = row.dirty and is_short_way(row.dirty[KIND], change[KIND])
  local verdict = (is_any or is_plain) and 'merge' or look_up(COALESCE, row.dirty and row.dirty[KIND] or state_without_dirty(row), change[KIND], '^%a+')
  if verdict == 'exists' or verdict == 'deleted' then return 'refused', verdict, '' end
  if verdict == 'again' and change[BASE] ~= '' then return 'refused', 'deleted', '' end
  local stale = newer_than_seen(row, change)
  if stale then return 'refused', 'stale', stale end
  if overlooks(row.dirty, change) then return 'refused', 'stale', '' end
  if verdict == 'annul' and (not row.flight or row.flight[KIND] == 'delete') then return 'nothing' end

  local record = stamped(row, change, sequence, now)
  if record and row.dirty then record = merge(row.dirty, record) end
  if not record or overflows_in_flight(row.flight, record) then return 'refused', 'overflow', '' end
  return 'dirty', record
end
