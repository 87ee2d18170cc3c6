-- Computes what one change makes of its row.
-- Needs: what coalesce, shard-head, stage-row, held, and undo or draft bring

-- include: policies
-- include: step

-- row key > row, as the accepted units, and the one that is judged, make it. `judged`: the row that is computed.
local rows, judged = {}, nil

-- The row, for this unit alone: the rows of the units before it stay as they are. Raises if it cannot be read.
local function row_of(shard, row_key, layer, mine)
  local row = rows[row_key]
  if row and (row.layer == layer or layer.is_single) then return row end
  row = row and copy(row) or load_row(row_key, shard.token, mine)
  if not row then error('unreadable', 0) end
  row.layer, row.shard = layer, shard
  if layer.is_single then return row end
  put(rows, row_key, row)
  layer[#layer + 1] = row
  return row
end

-- Sets a field so that it can be set back, if there can be anything to set back.
local function set(layer, map, field, value)
  if layer.is_single then map[field] = value else put(map, field, value) end
end

-- Answers nil, or why the change is refused and the newest version.
local function apply_change(shard, row, change, rule, layer, now, mine)
  -- The transaction may have written its own layer by SQL, and read the row again: its base counts as a staged one.
  if mine and holds_any(row.layers, mine) then change[CHANGE_FLAG] = 0 end
  local asked, kind, entity = change[VERSION], change[KIND], change[ENTITY]
  local reason = kept_out_because(row, mine, kind)
  if reason then return reason, '' end
  local second_step = is_second_step(row, change, rule)
  local status, record, version = coalesce(row, change, shard.sequence + 1, now)
  if status == 'refused' then return record, version end
  local bytes
  if status == 'dirty' then
    bytes = cmsgpack.pack(record)
    local limit = second_step and 'step' or over_limit(shard, row, record, bytes, rule)
    if limit then return limit, '' end
    if row.dirty then set(layer, shard, 'more_coalesced', shard.more_coalesced + 1) end
  else
    set(layer, shard, 'more_annihilated', shard.more_annihilated + 1)
  end
  set(layer, shard, 'sequence', shard.sequence + 1)
  local known = shard.entities[entity]
  if not known.is_staged then set(layer, known, 'is_staged', true) end
  -- These bytes are written later.
  row.bytes = bytes
  set_dirty(row, record)
  note_version(layer, row.key, kind, asked, record)
  return nil
end
