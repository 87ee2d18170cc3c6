-- Marks the rows of a scope, or a part of them, as due now. The mark is the shard's stage sequence when the drain
-- began. Rows that are marked already keep their mark.
--
-- KEYS  chain, due, flight, dirty, stats, of one shard after the other
-- ARGV  epoch, most rows to visit, 'all' | 'anyhow' (all, also what keeps its pause) | 'tables' | 'rows', number of
--   beginnings of row keys, the beginnings, number of entities that have no row in these tables, the entities, then per
--   shard: number of its arguments, mark or '' for the first part, score to go on from, row keys ...
-- returns  {'each', per shard: {'marked', mark, 1 if a row of the scope is pending and not paused, score to go on from
--   or '', how often marked records have been put off, 1 if a row of the scope is paused, 1 if a layer is held, the
--   last token, or '' if a batch is in flight} | {'later'} (other shards had rows enough) | {'damaged', key} |
--   {'uninitialised'} | {'epoch', epoch} | {'failed', what Redis says}}
local epoch, limit, scope, beginnings = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local chain, due, flight, dirty, stats

-- include: each-shard
-- include: holds-any
-- include: time
-- include: numbers
-- include: bulk
-- include: index-again
-- include: scope

local FIRST_BEGINNING = 5
local now, visited = now_ms(), 0
want(FIRST_BEGINNING, FIRST_BEGINNING + beginnings - 1)

local first_other = beginnings + FIRST_BEGINNING + 1
local first_argument = first_other + tonumber(ARGV[first_other - 1])
local left_out = counts_of(first_other, first_argument - 1)

local function find_rows(from)
  if scope == 'rows' then return rows_with_score(), '' end
  return rows_from(from, limit)
end

local function make_due(first, last)
  local mark, from = ARGV[first], ARGV[first + 1]
  local head = redis.call('HMGET', chain, 'epoch', 'sequence', 'token', 'mark', 'putOff', 'horizon', 'held',
    'last')
  if not head[1] then return { 'uninitialised' } end
  if head[1] ~= epoch then return { 'epoch', head[1] } end
  local is_first = mark == ''
  if is_first then mark = head[2] end
  if not count_in(mark) then return { 'damaged', 'chain' } end
  local is_held = head[7] and (tonumber(head[7]) or 1) > 0 and 1 or 0
  if scope == 'tables' and not holds_any(stats, left_out) then
    return { 'marked', mark, 0, '', head[5] or '0', 0, is_held, '' }
  end
  -- The shard is not cut into more parts than it needs alone.
  if visited > 0 and visited + redis.call('ZCARD', due) > limit then return { 'later' } end
  if scope == 'rows' then want(first + 2, last) end

  -- As in acknowledge.lua: a drain makes room.
  redis.call('HDEL', chain, 'nothing')
  index_again(now)
  local rows, go_on = find_rows(from)
  if scope ~= 'rows' then visited = visited + #rows end
  local marked, any_paused, horizon = {}, 0, count_in(head[6]) or 0
  for _, row in ipairs(rows) do
    if scope == 'rows' or in_scope(row[1]) then
      if scope ~= 'anyhow' and is_paused(row[2], now, horizon) then any_paused = 1 else append(marked, mark, row[1]) end
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
  local after = not head[3] and head[8] or ''
  return { 'marked', mark, (is_pending or is_flying) and 1 or 0, go_on, head[5] or '0', any_paused, is_held, after }
end

local answers, from = { 'each' }, first_argument
for at = 1, #KEYS, 5 do
  chain, due, flight, dirty, stats = unpack(KEYS, at, at + 4)
  answers[#answers + 1], from = answer_of(make_due, from)
end
return answers
