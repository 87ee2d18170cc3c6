-- What was written of a row, and which version of it is void, as in memory-shard.ts.
-- Needs: what record, version and recent bring

-- Whether any version of the shard's rows may be remembered as void; whether one has become so.
local any_void, found_void = false, false

-- A version that is empty leaves the remembered one as it is. A void version stays void until a newer one is written.
local function remember(written, row_key, version, deleted, sequence)
  local void = ''
  if any_void or version == '' then
    local known, _, _, never = recall(row_key)
    if version == '' then version = known end
    if compare(never, version) > 0 then void = never end
  end
  written[row_key] = cmsgpack.pack({ version, deleted and 1 or 0, sequence, void ~= '' and void or nil })
end

-- A version that was acknowledged, and that PostgreSQL has refused. Nobody holds a row that was deleted.
local function remember_void(written, row_key, record)
  if record[KIND] == 'delete' or record[VERSION] == '' then return end
  local version, deleted, sequence, void = recall(row_key)
  local known = written[row_key] and cmsgpack.unpack(written[row_key])
  if known then
    version, deleted, sequence = known[1], known[2] == 1, known[3]
    void = known[4] or ''
  end
  written[row_key] = cmsgpack.pack({ version, deleted and 1 or 0, math.max(sequence, 0), newest(void, record[VERSION]) })
  found_void = true
end
