-- Finds out about a group of units of work, or a hold, whose answer was lost. If it ran, repeats its answer; otherwise
-- it never runs.
--
-- KEYS[1] chain  KEYS[2] seen  KEYS[3] seen_old
-- ARGV  epoch, id
-- returns  {'judged', packed, as stage} | {'voided'} | {'epoch', epoch}
local chain = KEYS[1]
local seen = KEYS[2]
local seen_old = KEYS[3]
local epoch, id = ARGV[1], ARGV[2]

-- include: seen

local known = redis.call('HGET', chain, 'epoch')
if known and known ~= epoch then return { 'epoch', known } end
local answered = kept_answer(id)
if answered then return { 'judged', answered } end
redis.call('HSET', seen, id, cmsgpack.pack({ 'voided' }))
return { 'voided' }
