-- Puts a dead letter back as a dirty record, if its row was not staged or written since. 'force': puts it back in any
-- case, under the record that is dirty by now. Edited values replace those of the letter.
--
-- KEYS[1] chain  KEYS[2] dirty  KEYS[3] due  KEYS[4] flight  KEYS[5] recent  KEYS[6] recent_old  KEYS[7] dead
-- KEYS[8] stats
-- ARGV  epoch, id of the letter, 'force' or '', edited values (a packed map) or ''
-- returns  {'staged'} | {'newer'} | {'absent'} | {'unreadable'} | {'overflow', row key} | {'left', row key} |
--   {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local dirty = KEYS[2]
local due = KEYS[3]
local flight = KEYS[4]
local recent = KEYS[5]
local recent_old = KEYS[6]
local dead = KEYS[7]
local stats = KEYS[8]
local epoch, id, force, edits = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

-- include: time
-- include: bulk
-- include: merge
-- include: recent
-- include: draft
-- include: letters
-- include: counts
-- include: revive

local head = redis.call('HMGET', chain, 'epoch', 'token')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local bytes = redis.call('HGET', dead, id)
if not bytes then return { 'absent' } end

local heading, rest = heading_in(bytes)
if not heading or (edits ~= '' and not decode(rest)) then return { 'unreadable' } end
local row_key = heading[1]
bytes = rest
local record = decode(bytes)
-- No process would write it, or lay it over its row.
if record and redis.call('HGET', chain, 'f:' .. record[ENTITY]) == 'left' then return { 'left', row_key } end

local function put_back(value)
  set_value(dead, id, false)
  drop_letter(row_key, tonumber(id))
  set_value(dirty, row_key, value)
  if not time_of(row_key) then set_time(row_key, now_ms()) end
  write_draft()
  write_counts()
  return { 'staged' }
end

local newer, flying = redis.call('HGET', dirty, row_key), head[2] and redis.call('HGET', flight, row_key)
if not record then return (newer or flying) and { 'newer' } or put_back(bytes) end
local version, _, sequence = recall(row_key)
local row = { version = version, sequence = sequence }
row.dirty, row.flight = newer and decode(newer), flying and decode(flying)
local late = overtaken(record, row)
if late and force ~= 'force' then return { 'newer' } end
record[ATTEMPTS], record[DOUBTFUL] = 0, 0
for name, value in pairs(unpack_safely(edits) or {}) do record[VALUES][name] = value end
local revived = record
if late then revived = revive(record, row) end
if not revived then return { 'overflow', row_key } end
if row.dirty then count(row.dirty[ENTITY], -1) end
count(revived[ENTITY], 1)
return put_back(cmsgpack.pack(revived))
