-- A hash that forgets: the young generation takes the place of the old one.
local function new_generation(young, old)
  if redis.call('EXISTS', young) == 1 then
    redis.call('RENAME', young, old)
  else
    redis.call('DEL', old)
  end
end

-- Raises if the user may not run RENAME. Renaming a key to its own name changes nothing.
local function check_generation(young)
  if redis.call('EXISTS', young) == 1 then redis.call('RENAME', young, young) end
end
