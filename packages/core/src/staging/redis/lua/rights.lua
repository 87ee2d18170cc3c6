-- The commands of Spillway's scripts that the user may not run. Tries each on a key that does not exist, in a way that
-- changes nothing.
--
-- KEYS[1] tried
-- returns  {'refused', command, ...}
local unpack = table.unpack or unpack

local tried = KEYS[1]

local tries = {
  { 'del', tried },
  { 'exists', tried },
  { 'pttl', tried },
  { 'pexpire', tried, 1 },
  -- There is no such key.
  { 'rename', tried, tried },
  { 'time' },
  { 'hget', tried, 'field' },
  { 'hmget', tried, 'field' },
  { 'hgetall', tried },
  { 'hkeys', tried },
  { 'hvals', tried },
  { 'hlen', tried },
  { 'hexists', tried, 'field' },
  { 'hscan', tried, '0' },
  { 'hdel', tried, 'field' },
  -- A field without a value, and text in the place of a number: Redis refuses both before it makes the key.
  { 'hset', tried, 'field', 'value', 'field' },
  { 'hincrby', tried, 'field', 'none' },
  { 'zadd', tried, 'XX', 0, 'member' },
  { 'zrem', tried, 'member' },
  { 'zscore', tried, 'member' },
  { 'zcard', tried },
  { 'zcount', tried, 0, 0 },
  { 'zrange', tried, 0, 0 },
  { 'zrangebyscore', tried, 0, 0 },
}

-- The words with which servers from Redis 6 on refuse a command within a script.
local function is_refusal(answer)
  local said = type(answer) == 'table' and answer.err
  if not said then return false end
  for _, words in ipairs({ 'NOPERM', 'The user executing the script', 'ACL failure in script' }) do
    if string.find(said, words, 1, true) then return true end
  end
  return false
end

local answer = { 'refused' }
for _, command in ipairs(tries) do
  if is_refusal(redis.pcall(unpack(command))) then answer[#answer + 1] = command[1] end
end
return answer
