-- A hash that forgets: the young generation becomes the old one, whose place it takes.
local function new_generation(young, old)
  if redis.call('EXISTS', young) == 1 then
    redis.call('RENAME', young, old)
  else
    redis.call('DEL', old)
  end
end
