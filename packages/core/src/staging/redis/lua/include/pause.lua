-- A row that PostgreSQL refused, or of a paused entity, keeps its pause: no drain makes it due sooner. Its time in the
-- index is half a millisecond early, by which it is known.
local PAUSE = -0.5

-- A time later than any record may have to wait was stamped by a clock that ran ahead of this one: it is no pause.
local function is_paused(score, now, horizon)
  score = tonumber(score)
  return score % 1 ~= 0 and score > now and score <= now + horizon
end
