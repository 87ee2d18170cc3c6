-- Settles a stage call whose answer was lost: its answer if it ran, otherwise it never will.
--
-- KEYS[1] chain  KEYS[2] seen  KEYS[3] seen_old
-- ARGV  epoch, call id
-- returns  what stage has answered | {'voided'} | {'uninitialised'} | {'epoch', epoch}
local chain = KEYS[1]
local seen = KEYS[2]
local seen_old = KEYS[3]
local epoch, call_id = ARGV[1], ARGV[2]

-- include: seen

local present = redis.call('HGET', chain, 'epoch')
if not present then return { 'uninitialised' } end
if present ~= epoch then return { 'epoch', present } end
local answered = redis.call('HGET', seen, call_id) or redis.call('HGET', seen_old, call_id)
if answered then return seen_answer(answered) end
redis.call('HSET', seen, call_id, cmsgpack.pack({ 'voided' }))
return { 'voided' }
