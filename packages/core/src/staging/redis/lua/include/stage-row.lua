-- The state of one row while a unit is computed, and the limits for it.
-- Needs: dirty, flight, stats, and what held, shard-head, and undo or draft bring

-- nil: a pending record, or a layer, of the row cannot be read.
local function load_row(row_key, in_flight, mine)
  -- With a place for each of its parts: a table that grows is built anew.
  local row = { key = row_key, pending = '', layers = load_layers(row_key), dirty = nil, was_dirty = nil, is_too_much = nil, flight = nil,
    recalled = nil, version = nil, deleted = nil, sequence = nil, void = nil, void_above = nil, bytes = nil, layer = nil, shard = nil }
  if not row.layers then return nil end
  local bytes = redis.call('HGET', dirty, row_key)
  if bytes then
    row.dirty = decode(bytes)
    if not row.dirty then return nil end
    row.was_dirty = true
  end
  if mine and #row.layers > 0 then
    row.dirty = with_layers(row.dirty, row.layers, mine)
    row.is_too_much = row.dirty == false
  end
  if row.dirty then row.pending = known_version(row.dirty) end
  bytes = in_flight and redis.call('HGET', flight, row_key)
  if bytes then
    row.flight = decode(bytes)
    if not row.flight then return nil end
    if row.pending == '' then row.pending = known_version(row.flight) end
  end
  return row
end

-- Takes over the record that is dirty now, and with it the row's pending version.
local function set_dirty(row, record)
  local before, after = row.dirty and row.dirty[ENTITY], record and record[ENTITY]
  if before ~= after then
    if before then count(before, -1) end
    if after then count(after, 1) end
  end
  row.dirty = record
  row.pending = record and known_version(record) or ''
  if row.pending == '' and row.flight then row.pending = known_version(row.flight) end
end

local function pending_records(shard, entity)
  local known = shard.entities[entity]
  if not known.pending then
    local waiting = any_held and redis.call('HGET', stats, 'h:' .. entity) or '0'
    known.pending = (tonumber(redis.call('HGET', stats, 'p:' .. entity)) or 0) + (tonumber(waiting) or 0)
  end
  return known.pending + (counts[entity] or 0) + (held_counts[entity] or 0)
end

local function over_limit(shard, row, record, bytes, rule)
  if not rule then return nil end
  if not row.dirty and not row.flight and pending_records(shard, record[ENTITY]) >= rule[3] then return 'full' end
  return #row.key + #bytes > rule[4] and 'too-large' or nil
end

-- Tells the caller only versions that it does not know.
local function note_version(layer, row_key, kind, asked, record)
  if kind == 'increment' then return end
  local known = not record or record[KIND] == 'delete' or record[VERSION] == '' or record[VERSION] == asked
  if known and not layer.versions then return end
  layer.versions = layer.versions or {}
  layer.versions[row_key] = not known and record[VERSION] or nil
end
