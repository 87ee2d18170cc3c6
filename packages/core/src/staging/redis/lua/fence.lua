-- Settles a stage call, or a hold, after its answer was lost. If it ran, repeats its answer; otherwise it never runs.
--
-- KEYS[1] chain  KEYS[2] seen  KEYS[3] seen_old
-- ARGV  epoch, call id
-- returns  the answer of stage | {'voided'} | {'damaged', key} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local seen = KEYS[2]
local seen_old = KEYS[3]
local epoch, call_id = ARGV[1], ARGV[2]

-- include: seen

local head = redis.call('HMGET', chain, 'epoch', 'since')
if not head[1] then return { 'uninitialised' } end
if head[1] ~= epoch then return { 'epoch', head[1] } end
local answered = redis.call('HGET', seen, call_id) or redis.call('HGET', seen_old, call_id)
if answered then return seen_answer(answered, head[2]) end
redis.call('HSET', seen, call_id, cmsgpack.pack({ 'voided' }))
return { 'voided' }
