-- What becomes of the copies of a batch's rows when the batch ends. A copy is the row without what is pending, so the
-- records that were written are missing in it: each of its rows loses copy and ticket, whatever its outcome. The copy
-- stays only if a plain record was written as it was: then the record is put behind the copy.
-- Needs: cache, cache_old, cache_blocks, generation_bytes, and what record, bulk, generations, settle, known-rows bring

-- include: copies
-- include: drop-copies
-- include: as-written

local MOST_CARRIED = 8

-- Row key -> the record, as bytes.
local to_carry = {}

-- Notes how a record of the batch has ended. `is_whole`: nothing was added to the batch after its claim.
local function note_written(row_key, record, outcome, bytes, is_whole)
  local is_plain = record[KIND] == 'update' or record[KIND] == 'increment'
  if not is_whole or not is_plain or record[1] ~= CODEC or record[DOUBTFUL] == IN_DOUBT then return end
  to_carry[row_key] = as_written(record, outcome, bytes)
end

-- The entry of a copy with a record behind it, and until when it is good. nil: there is no such copy, or it carries as
-- many as it may.
local function with_record(entry, record, now)
  local heading, copy, carried = entry_in(entry, nil, now)
  if not heading or heading[1] ~= COPY_WORD then return nil end
  local count_before = is_count(heading[CARRIED]) and heading[CARRIED] or 0
  if count_before >= MOST_CARRIED then return nil end
  local longer = cmsgpack.pack({ COPY_WORD, heading[2], heading[3], '', count_before + 1, #copy })
  return longer .. copy .. carried .. record, heading[2]
end

-- The copies that go on, as fields of a hash, their additional bytes, and until when the last of them is good.
local function carried_on(now)
  local row_keys, kept, bytes, last = {}, {}, 0, now
  for row_key in pairs(to_carry) do
    row_keys[#row_keys + 1] = row_key
  end
  local young, old = get_all(cache, row_keys), get_all(cache_old, row_keys)
  for index, row_key in ipairs(row_keys) do
    local before = young[index] or old[index]
    local entry, good_until = with_record(before, to_carry[row_key], now)
    if entry then
      append(kept, row_key, entry)
      bytes = bytes + #entry - (young[index] and #before or -#row_key - OVERHEAD_BYTES)
      last = math.max(last, good_until)
    end
  end
  return kept, bytes, last
end

local function keep_carried(kept, bytes, last, now)
  local used = count_in(redis.call('HGET', cache_blocks, 'bytes') or '0') or generation_bytes
  if #kept == 0 or used + bytes > generation_bytes then return end
  redis.call('HSET', cache_blocks, 'bytes', used + bytes)
  send('HSET', cache, kept)
  if redis.call('PTTL', cache) < last - now then redis.call('PEXPIRE', cache, last - now) end
end

-- False also for keys of another type, which hold no copies.
local function has_copies()
  for _, key in ipairs({ cache, cache_old }) do
    local length = redis.pcall('HLEN', key)
    if type(length) == 'number' and length > 0 then return true end
  end
  return false
end

-- Rows that were settled without decoding them: their records are read only where there are copies.
local function note_known(flown, known)
  for index = 1, #flown, 2 do
    local row_key, bytes = flown[index], flown[index + 1]
    local record = is_known(known, row_key) and decode(bytes)
    if record then note_written(row_key, record, nil, bytes, true) end
  end
end

-- `flown`: row keys of the batch, each with its record. `known`: of known-rows. A key of another type holds no copies;
-- then, and if there is no room, nothing is carried on.
local function end_copies(flown, known, now)
  if not has_copies() then return end
  note_known(flown, known)
  local row_keys = {}
  for index = 1, #flown, 2 do
    append(row_keys, flown[index])
  end
  local is_read, kept, bytes, last = pcall(carried_on, now)
  drop_copies(row_keys)
  if is_read then pcall(keep_carried, kept, bytes, last, now) end
end
