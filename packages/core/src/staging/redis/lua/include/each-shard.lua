-- For a script that does its act for one shard after the other. What fails in a shard, as when one of its keys is of
-- another type, is the trouble of that shard alone: Redis undoes nothing, so the others are done, and answered.

-- Answers what the act answers, or {'failed', what Redis says}, and where the arguments of the next shard begin. The
-- first of a shard is their number. The act gets the places of the others: the first and the last.
local function answer_of(act, from)
  local last = from + tonumber(ARGV[from])
  local is_done, answer = pcall(act, from + 1, last)
  if not is_done then answer = { 'failed', type(answer) == 'table' and answer.err or answer } end
  return answer, last + 1
end
