-- What the scripts that stage have to know of a shard, by one command.
-- Needs: what bulk brings

-- include: numbers

-- shard number > shard
local shards = {}

local HEAD = 10

-- The fields to read. Behind the head stand those of the policies of entities.
local function head_fields(entities)
  local fields = { 'epoch', 'sequence', 'token', 'held', 'since', 'marked', 'horizon', 'coalesced', 'annihilated', 'seenAt' }
  for _, entity in ipairs(entities) do
    append(fields, 'f:' .. entity, 't:' .. entity)
  end
  return fields
end

-- A shard without an epoch has no chain. One in trouble has a key of another type. `entities`: entity > what is known
-- of it there.
local function read_head(chain, number, fields, entities)
  local head = redis.pcall('HMGET', chain, unpack(fields))
  local sequence, found = count_in(head[2]), {}
  for index, entity in ipairs(entities) do
    found[entity] = { policy = head[HEAD + 2 * index - 1], noted_at = head[HEAD + 2 * index], pending = false, reason = false, is_asked = false, is_staged = false }
  end
  local shard = {
    number = number,
    trouble = head.err or false,
    is_looked_at = false,
    epoch = head[1],
    sequence = sequence,
    first = sequence,
    token = head[3],
    any_held = head[4] and head[4] ~= '0',
    since = head[5],
    marked = head[6],
    horizon = head[7],
    coalesced = head[8],
    annihilated = head[9],
    seen_at = head[10],
    more_coalesced = 0,
    more_annihilated = 0,
    entities = found,
    counts = {},
    order = {},
    at = 0,
  }
  shards[number] = shard
  return shard
end
