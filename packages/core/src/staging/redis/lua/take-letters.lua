-- Takes dead letters from a shard of another map, each under the next number of this shard. The letters that a move
-- before it has taken already are left out: the same bytes stand under another number.
--
-- KEYS[1] chain  KEYS[2] dead
-- ARGV  letters ...
-- returns  {'taken', how many}
local chain = KEYS[1]
local dead = KEYS[2]

-- include: numbers

local known, last = {}, count_in(redis.call('HGET', chain, 'letters')) or 0
local letters = redis.call('HGETALL', dead)
for index = 1, #letters, 2 do
  last = math.max(last, count_in(letters[index]) or 0)
  known[letters[index + 1]] = true
end
local taken = 0
for _, letter in ipairs(ARGV) do
  if not known[letter] then
    known[letter], last, taken = true, last + 1, taken + 1
    redis.call('HSET', dead, last, letter)
  end
end
redis.call('HSET', chain, 'letters', last)
return { 'taken', taken }
