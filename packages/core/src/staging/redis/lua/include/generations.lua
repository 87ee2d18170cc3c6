-- A hash that forgets: the young generation becomes the old one, whose place it takes.
local function new_generation(young, old)
  if redis.call('EXISTS', young) == 1 then
    redis.call('RENAME', young, old)
  else
    redis.call('DEL', old)
  end
end

-- Raises where the user may not run what a new generation takes: Redis does nothing where a key keeps its name.
local function check_generation(young)
  if redis.call('EXISTS', young) == 1 then redis.call('RENAME', young, young) end
end
