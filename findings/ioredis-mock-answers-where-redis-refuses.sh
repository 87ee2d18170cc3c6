#!/usr/bin/env bash
# ioredis-mock 8.13.1 (with ioredis 5.11.1) before Redis 7.0.15: what Redis refuses is answered by null. INCR of a text and
# HGET of a string resolve with null, EXEC has no error in it, a transaction with a command of too few arguments is carried out,
# a script goes on after a `redis.call` that fails. A script's 3.99 stays 3.99, false and true stay booleans, SET with
# KEEPTTL drops the time to live, and XRANGE of the id 1-1 says 1-1-0. Needs redis-server and npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >"$folder/redis.log" &
server=$!
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent ioredis@5.11.1 ioredis-mock@8.13.1
cat >show.cjs <<'JS'
const Redis = require('ioredis');
const Mock = require('ioredis-mock');

const told = (results) => results.map(([error, value]) => (error ? error.message.split(' ')[0] : value));
const uses = {
  'INCR of a text': (redis) => redis.incr('text'),
  'HGET of a string': (redis) => redis.hget('text', 'field'),
  'MULTI, INCR of a text, EXEC': async (redis) => told(await redis.multi().incr('text').exec()),
  'MULTI, SET of a key alone, SET, EXEC': async (redis) => told(await redis.multi().set('a').set('b', '1').exec()),
  'a script with a failing call': (redis) => redis.eval("redis.call('incr', 'text') return 1", 0),
  'a script that returns 3.99': (redis) => redis.eval('return 3.99', 0),
  'a script that returns false': (redis) => redis.eval('return false', 0),
  'a script that returns true': (redis) => redis.eval('return true', 0),
  'TTL after SET with KEEPTTL': async (redis) => {
    await redis.set('kept', '1', 'EX', 100);
    await redis.set('kept', '2', 'KEEPTTL');
    return redis.ttl('kept');
  },
  'XRANGE of 1-1': async (redis) => {
    await redis.xadd('log', '1-1', 'f', 'v');
    return (await redis.xrange('log', '-', '+'))[0][0];
  },
};
async function answers(redis) {
  const seen = [];
  for (const use of Object.values(uses)) {
    await redis.flushall();
    await redis.set('text', 'a');
    const answer = await use(redis).catch((error) => `refused, ${error.message.split(' ')[0]}`);
    seen.push(JSON.stringify(answer));
  }
  redis.disconnect();
  return seen;
}
(async () => {
  const real = await answers(new Redis({ path: 'redis.sock' }));
  const mock = await answers(new Mock());
  console.log(`Redis, and ioredis-mock ${require('ioredis-mock/package.json').version}:`);
  Object.keys(uses).forEach((name, at) => console.log(`  ${name}: ${real[at]}, and ${mock[at]}`));
  const expectedReal = ['"refused, ERR"', '"refused, WRONGTYPE"', '["ERR"]', '"refused, EXECABORT"', '"refused, ERR"'];
  const expectedMock = ['null', 'null', '[null]', '["OK","OK"]', '1'];
  expectedReal.push('3', 'null', '1', '100', '"1-1"');
  expectedMock.push('3.99', 'false', 'true', '-1', '"1-1-0"');
  process.exitCode = `${real}` === `${expectedReal}` && `${mock}` === `${expectedMock}` ? 0 : 1;
})();
JS
node show.cjs
