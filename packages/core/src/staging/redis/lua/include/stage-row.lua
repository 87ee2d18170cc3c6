-- The state of one row while a call is computed, and the limits for it.
-- Needs: dirty, flight, stats, and what held brings

-- nil: a pending record, or a layer, of the row cannot be read.
local function load_row(row_key, in_flight, mine)
  local row = { key = row_key, pending = '', layers = load_layers(row_key) }
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
  if row.dirty then count(row.dirty[ENTITY], -1) end
  if record then count(record[ENTITY], 1) end
  row.dirty = record
  row.pending = record and known_version(record) or ''
  if row.pending == '' and row.flight then row.pending = known_version(row.flight) end
end

local function pending_records(entity)
  local waiting = any_held and redis.call('HGET', stats, 'h:' .. entity) or '0'
  local added = (counts[entity] or 0) + (held_counts[entity] or 0)
  return (tonumber(redis.call('HGET', stats, 'p:' .. entity)) or 0) + (tonumber(waiting) or 0) + added
end

-- Encodes the record, once: these bytes are written later.
local function over_limit(row_key, row, record, rule)
  row.bytes = cmsgpack.pack(record)
  if not rule then return nil end
  if not row.dirty and not row.flight and pending_records(record[ENTITY]) >= rule[3] then return 'full' end
  return #row_key + #row.bytes > rule[4] and 'too-large' or nil
end

-- Tells the caller only versions that it does not know.
local function note_version(versions, row_key, kind, asked, record)
  if kind == 'increment' then return end
  local known = not record or record[KIND] == 'delete' or record[VERSION] == '' or record[VERSION] == asked
  versions[row_key] = not known and record[VERSION] or nil
end
