-- A row that was refused keeps its pause: its time in the index is half a millisecond early, and no drain makes it
-- due before.
local PAUSE = -0.5

-- A time later than anything may have to wait was stamped by a clock that ran ahead of this one.
local function is_paused(score, now, horizon)
  score = tonumber(score)
  return score % 1 ~= 0 and score > now and score <= now + horizon
end
