-- The last write of a row, and its void versions, as in memory-shard.ts.
-- Needs: what record, version and recent bring

-- `any_void`: void versions of the shard's rows may be remembered. `found_void`: this script has found one.
local any_void, found_void = false, false

-- An empty version leaves the remembered one as it is. A void version stays void until a newer one is written.
local function remember(written, row_key, version, deleted, sequence)
  local void, above_this = nil, nil
  if any_void or version == '' then
    local known, _, _, never, before = recall(row_key)
    if version == '' then version = known end
    if compare(never, version) > 0 then void, above_this = never, before end
  end
  written[row_key] = cmsgpack.pack({ version, deleted and 1 or 0, sequence, void, above_this })
end

-- As moreVoid in coalesce-change.ts.
local function more_void(void, above_this, to, before)
  if void == '' or compare(before, void) > 0 then return to, before end
  return newest(void, to), compare(before, above_this) < 0 and before or above_this
end

-- Remembers versions as void that callers were given, and that PostgreSQL has refused. A deleted row has no holder.
local function remember_void(written, row_key, record)
  if record[KIND] == 'delete' or record[VERSION] == '' then return end
  local version, deleted, sequence, void, above_this = recall(row_key)
  local known = written[row_key] and cmsgpack.unpack(written[row_key])
  if known then
    version, deleted, sequence = known[1], known[2] == 1, known[3]
    void, above_this = known[4] or '', known[5] or ''
  end
  void, above_this = more_void(void, above_this, record[VERSION], record[BASE] == 'conflict' and '' or record[BASE])
  written[row_key] = cmsgpack.pack({ version, deleted and 1 or 0, math.max(sequence, 0), void, above_this })
  found_void = true
end
