-- include: record
-- include: version

-- How two records of one row become one: older > newer : kind, row, base. merge-records.ts explains the words, and a
-- test compares the two tables. It is a text, because a table would be built anew by every call.
local MERGE = [[
insert>insert:insert,newer,none
insert>update:insert,assign,none
insert>upsert:insert,assign,none
insert>replace:insert,newer,none
insert>delete:delete,none,newer
insert>increment:insert,assign,none
update>insert:insert,newer,none
update>update:update,assign,kept
update>upsert:upsert,assign,none
update>replace:replace,newer,kept
update>delete:delete,none,kept
update>increment:update,assign,kept
upsert>insert:upsert,assign,none
upsert>update:upsert,assign,none
upsert>upsert:upsert,assign,none
upsert>replace:replace,newer,none
upsert>delete:delete,none,none
upsert>increment:upsert,assign,none
replace>insert:replace,newer,kept
replace>update:replace,assign,kept
replace>upsert:replace,assign,kept
replace>replace:replace,newer,kept
replace>delete:delete,none,kept
replace>increment:replace,assign,kept
delete>insert:replace,newer,kept
delete>update:update,newer,newer
delete>upsert:replace,newer,kept
delete>replace:replace,newer,kept
delete>delete:delete,none,kept
delete>increment:increment,newer,none
increment>insert:insert,newer,none
increment>update:update,assign,kept
increment>upsert:upsert,assign,none
increment>replace:replace,newer,newer
increment>delete:delete,none,newer
increment>increment:increment,assign,none
]]

-- The words of a line of such a table.
local function look_up(cells, row, column, pattern)
  local line = row .. '>' .. column .. ':'
  local _, last = string.find(cells, line, 1, true)
  return string.match(cells, pattern, last + 1)
end

-- include: merge-parts

-- The two usual pairs, without a look at the tables. A test compares what they say.
local function is_short_way(older, newer)
  return older == newer and (older == 'update' or older == 'increment')
end

-- One record that does what older and then newer do. nil: a sum, or the version, leaves int64.
local function merge(older, newer)
  -- A record that makes its row where it is missing makes it anew after a delete.
  local as = older[KIND] == 'delete' and makes_missing(newer) and 'insert' or newer[KIND]
  local kind, row, base = as, 'assign', as == 'update' and 'kept' or 'none'
  if not is_short_way(older[KIND], as) then
    kind, row, base = look_up(MERGE, older[KIND], as, '^(%a+),(%a+),(%a+)')
  end
  local deltas = merged_deltas(row, older, newer)
  local version = merged_version(kind, older, newer)
  if not deltas or not version then return nil end
  local merged, flag = merged_base(base, older, newer)
  if older[DOUBTFUL] == IN_DOUBT or newer[DOUBTFUL] == IN_DOUBT then flag = IN_DOUBT end
  local missing = merged_missing(kind, row, older, newer)
  return {
    missing == nil and CODEC or WITH_MISSING,
    kind,
    newer[ENTITY],
    merged,
    version,
    merged_values(row, older, newer),
    deltas,
    merged_originals(kind, base, older, newer),
    math.min(older[FIRST], newer[FIRST]),
    math.max(older[LAST], newer[LAST]),
    math.min(older[FIRST_AT], newer[FIRST_AT]),
    older[MERGED] + newer[MERGED],
    older[ATTEMPTS],
    flag,
    missing,
  }
end
