-- What a server that has Lua 5.4 gives to its scripts: no function of 5.1, no global of one's own, numbers as integers
-- and floats, and errors of redis.call as texts. Its commands are asked of whoever resumes it.
-- Bytes go in and out as words of a line, in hexadecimal, behind a letter for their kind.
local cmsgpack, scores_are_numbers = ...
local server = {}

local digits_of, byte_of = {}, {}
for byte = 0, 255 do
  local digits = string.format('%02x', byte)
  digits_of[string.char(byte)], byte_of[digits] = digits, string.char(byte)
end

local function hex(bytes)
  return (string.gsub(bytes, '.', digits_of))
end

local function plain(digits)
  return (string.gsub(digits, '%x%x', byte_of))
end

-- Numbers as servers write them: a float with all its digits.
local function argument(value)
  if math.type(value) == 'integer' then return string.format('%d', value) end
  if math.type(value) == 'float' then return string.format('%.17g', value) end
  if type(value) == 'string' then return value end
  error('Lua redis lib command arguments must be strings or integers', 0)
end

local function read_answer(next_word)
  local kind, rest = string.match(next_word(), '^(%a)(.*)$')
  if kind == 'n' then return false end
  if kind == 'i' then return math.tointeger(tonumber(rest)) end
  if kind == 's' then return plain(rest) end
  if kind == 'e' then return { err = plain(rest) } end
  local list = {}
  for index = 1, tonumber(rest) do
    list[index] = read_answer(next_word)
  end
  return list
end

local function as_number(text)
  local number = tonumber(text)
  return number and (math.tointeger(number) or number) or text
end

-- Servers exist that answer scores as numbers.
local function with_scores(answer, words)
  if not scores_are_numbers then return answer end
  if string.upper(words[1]) == 'ZSCORE' then return answer and as_number(answer) end
  for index = 2, #words do
    if string.upper(words[index]) == 'WITHSCORES' then
      for at = 2, #answer, 2 do
        answer[at] = as_number(answer[at])
      end
    end
  end
  return answer
end

local function run(...)
  local words, sent = {}, {}
  for index = 1, select('#', ...) do
    words[index] = argument((select(index, ...)))
    sent[index] = hex(words[index])
  end
  local answer = read_answer(string.gmatch(coroutine.yield('call ' .. table.concat(sent, ' ')), '%S+'))
  if type(answer) == 'table' and answer.err then return answer end
  return with_scores(answer, words)
end

local function written(value)
  if math.type(value) == 'integer' then return string.format('i%d', value) end
  if math.type(value) == 'float' then return 's' .. hex(string.format('%.17g', value)) end
  if type(value) == 'string' then return 's' .. hex(value) end
  if value == true then return 'i1' end
  if type(value) ~= 'table' then return 'n' end
  if value.err then return 'e' .. hex(value.err) end
  local parts = { 'a' .. #value }
  for index = 1, #value do
    parts[index + 1] = written(value[index])
  end
  return table.concat(parts, ' ')
end

local redis = { pcall = run }

function redis.call(...)
  local answer = run(...)
  if type(answer) == 'table' and answer.err then error(answer.err, 0) end
  return answer
end

local given = { 'assert', 'error', 'ipairs', 'next', 'pairs', 'pcall', 'rawequal', 'rawget', 'rawlen', 'rawset', 'select', 'tonumber', 'tostring', 'type', 'xpcall', 'math', 'string', 'table' }

local globals = { redis = redis, cmsgpack = cmsgpack, KEYS = {}, ARGV = {} }
for _, name in ipairs(given) do
  globals[name] = _G[name]
end
setmetatable(globals, {
  __index = function(_, name) error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2) end,
  __newindex = function(_, name) error("Script attempted to create global variable '" .. tostring(name) .. "'", 2) end,
})

local function list_of(words)
  local list = {}
  for word in string.gmatch(words, '%S+') do
    list[#list + 1] = plain(string.sub(word, 2))
  end
  return list
end

local running, scripts = nil, {}

-- Nothing, or what is wrong with it.
function server.load(name, source)
  local problem
  scripts[name], problem = load(source, '=script', 't', globals)
  return problem
end

-- Begins a script. Answers what it asks for, as resume() does.
function server.begin(name, keys, arguments)
  globals.KEYS, globals.ARGV = list_of(keys), list_of(arguments)
  running = coroutine.create(scripts[name])
  return server.resume()
end

-- `call WORD ...`: the script wants an answer to that command; `done ANSWER`: it has ended.
function server.resume(answer)
  local is_well, said = coroutine.resume(running, answer)
  if not is_well then return 'done e' .. hex('ERR Error running script: ' .. tostring(said)) end
  return coroutine.status(running) == 'suspended' and said or 'done ' .. written(said)
end

function server.version()
  return _VERSION
end

return server
