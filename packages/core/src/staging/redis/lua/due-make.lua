-- Marks the rows of a scope, or a part of them, as due now. The mark is the shard's stage sequence when the drain
-- began. Rows that are marked already keep their mark.
--
-- KEYS[1] chain  KEYS[2] due  KEYS[3] flight  KEYS[4] dirty
-- ARGV  epoch, mark or '' for the first part, score to go on from, most rows to visit, 'all' | 'tables' | 'rows',
--   beginnings of row keys or row keys ...
-- returns  {'marked', mark, 1 if a row of the scope is pending and not paused, score to go on from or '',
--   how often marked records have been put off, 1 if a row of the scope is paused} | {'damaged', key} |
--   {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local due = KEYS[2]
local flight = KEYS[3]
local dirty = KEYS[4]
local epoch, mark, from, limit, scope = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local WANTED_FROM = 6

-- include: time
-- include: numbers
-- include: bulk
-- include: index-again
-- include: scope

local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'mark', 'putOff', 'horizon')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local is_first = mark == ''
if is_first then mark = head[2] end
if not count_in(mark) then return { 'damaged', 'chain' } end

-- As in acknowledge.lua: a drain makes room.
redis.call('HDEL', chain, 'nothing')
local now = now_ms()
index_again(now)
local rows, go_on
if scope == 'rows' then
  rows, go_on = rows_with_score(), ''
else
  rows, go_on = rows_from(from, limit)
end
local marked, any_paused, horizon = {}, 0, count_in(head[6]) or 0
for _, row in ipairs(rows) do
  if scope == 'rows' or in_scope(row[1]) then
    if is_paused(row[2], now, horizon) then any_paused = 1 else append(marked, mark, row[1]) end
  end
end
local is_pending = #marked > 0
if is_first and not is_pending then is_pending = any_marked() end
-- Between two parts a worker may have claimed rows that the next part would have marked.
local is_flying = head[3] and any_in_flight()
local known = count_in(head[4])
local is_earlier = is_flying and not (known and known <= tonumber(mark))

send('ZADD', due, marked)
if #marked > 0 then redis.call('HSET', chain, 'marked', 1) end
if is_earlier then redis.call('HSET', chain, 'mark', mark) end
return { 'marked', mark, (is_pending or is_flying) and 1 or 0, go_on, head[5] or '0', any_paused }
