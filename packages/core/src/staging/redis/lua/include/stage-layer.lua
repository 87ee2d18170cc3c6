-- One layer becomes dirty, as layerAsStaged in held-layer.ts.
-- Needs: dirty, due, flight, and what merge, counts, bury, doubt and stage-write bring

-- include: hidden

local function known_pending(older, row_key, in_flight)
  local version = older and known_version(older) or ''
  if version ~= '' or not in_flight then return version end
  local bytes = redis.call('HGET', flight, row_key)
  local flying = bytes and decode(bytes)
  return flying and known_version(flying) or ''
end

-- The pending record is not the one that the layer was held upon: the conflict strategy must see it.
local function overruled_by(record, pending)
  record[BASE] = 'conflict'
  if record[DOUBTFUL] == ROW_BASE then record[DOUBTFUL] = 0 end
  if record[VERSION] ~= '' and compare(record[VERSION], pending) <= 0 then record[VERSION] = add(pending, '1') or pending end
end

local function stage_layer(row_key, record, rule, in_flight, sequence, now)
  local bytes = value_of(dirty, row_key)
  local older = bytes and decode(bytes)
  if older and is_hidden_by(older, record) then
    count(older[ENTITY], -1)
    bury(row_key, 'CONFLICT', reason_hidden, '', now, bytes)
    older, bytes = nil, false
  end
  local pending = known_pending(older, row_key, in_flight)
  record[FIRST], record[LAST], record[FIRST_AT] = sequence, sequence, now
  local is_of_another = record[DOUBTFUL] == ROW_BASE and is_known_of(older)
  if record[BASE] ~= '' and record[BASE] ~= 'conflict' and pending ~= '' and (pending ~= record[BASE] or is_of_another) then
    overruled_by(record, pending)
  end
  if record[DOUBTFUL] == 1 and not settled_by_version(record) then
    return bury(row_key, 'STAGING_LOSS', 'Redis or the database has forgotten something: whether this was written is not known', '', now, cmsgpack.pack(record))
  end
  if bytes and not older then return bury(row_key, 'UNREADABLE', 'What was staged before it cannot be read', '', now, cmsgpack.pack(record)) end

  local merged = older and merge(older, record) or not older and record
  if not merged then return bury(row_key, 'COUNTER_OVERFLOW', 'The differences add up to more than a 64-bit number holds', '', now, cmsgpack.pack(record)) end
  if older then count(older[ENTITY], -1) end
  count(merged[ENTITY], 1)
  set_value(dirty, row_key, cmsgpack.pack(merged))
  local score = time_of(row_key)
  if score and tonumber(score) < FIRST_TIME then return end
  set_time(row_key, rule and math.min(merged[FIRST_AT] + rule[2], now + rule[1]) or now)
end
