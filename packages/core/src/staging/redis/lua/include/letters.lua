-- Traces of dead letters: which letter holds which changes of its row (letter 0: they were thrown away). They are kept
-- as long as remembered writes, also after a letter is discarded, so a caller that waits for a change hears of it.
-- Needs: recent, recent_old, and what plain or draft brings

-- include: readable

local MOST_LETTERS = 8
local LETTER_ID, LETTER_FROM, LETTER_TO = 1, 2, 3

-- Leaves out traces that cannot be read.
local function letters_of(row_key)
  local field = '!' .. row_key
  local bytes = value_of(recent, field) or redis.call('HGET', recent_old, field)
  local letters = {}
  for _, letter in ipairs(bytes and unpack_safely(bytes) or letters) do
    if type(letter) == 'table' and is_count(letter[LETTER_FROM]) and is_count(letter[LETTER_TO]) then letters[#letters + 1] = letter end
  end
  return letters
end

local function note_letter(row_key, id, from, to, code)
  local letters = letters_of(row_key)
  letters[#letters + 1] = { id, from, to, code }
  if #letters > MOST_LETTERS then table.remove(letters, 1) end
  set_value(recent, '!' .. row_key, cmsgpack.pack(letters))
end

-- A letter that was put back is pending again.
local function drop_letter(row_key, id)
  local kept = {}
  for _, letter in ipairs(letters_of(row_key)) do
    if letter[LETTER_ID] ~= id then kept[#kept + 1] = letter end
  end
  set_value(recent, '!' .. row_key, cmsgpack.pack(kept))
end
