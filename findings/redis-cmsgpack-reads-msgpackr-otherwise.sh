#!/usr/bin/env bash
# Redis 7.0.15 (Debian 12), `cmsgpack` in Lua, fed with what msgpackr 2.1.4 packs: a Buffer, a Date and `undefined` are refused as
# "Bad data format in input" (it knows neither bin nor ext). 2n ** 64n - 1n is read as -1, 123456789012345 goes back as a
# BigInt, [1, null, 3] as an object with the keys 1 and 3, -0 as 0, and what is nested deeper than 16 as null, without an
# error. Needs redis-server and npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >"$folder/redis.log" &
server=$!
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent ioredis@5.11.1 msgpackr@2.1.4
cat >show.cjs <<'JS'
const { readFileSync } = require('node:fs');
const { inspect } = require('node:util');
const Redis = require('ioredis');
const { pack, unpack } = require('msgpackr');

const redis = new Redis({ path: 'redis.sock' });
const script = 'return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))';
const through = (value) =>
  redis.evalBuffer(script, 0, pack(value)).then(
    (bytes) => inspect(unpack(bytes)),
    (error) => /Bad data format in input/.exec(error.message)?.[0] ?? error.message,
  );
const refused = 'Bad data format in input';
const expected = [
  ['a text', 'text', "'text'"],
  ['a Buffer', Buffer.from('bytes'), refused],
  ['a Date', new Date(0), refused],
  ['undefined in an object', { a: undefined }, refused],
  ['2n ** 64n - 1n', 2n ** 64n - 1n, '-1'],
  ['123456789012345', 123456789012345, '123456789012345n'],
  ['[1, null, 3]', [1, null, 3], "{ '1': 1, '3': 3 }"],
  ['{ a: null, b: 1 }', { a: null, b: 1 }, '{ b: 1 }'],
  ['-0', -0, '0'],
];
(async () => {
  const server = /redis_version:(\S+)/.exec(await redis.info('server'))[1];
  console.log(`msgpackr ${JSON.parse(readFileSync('node_modules/msgpackr/package.json', 'utf8')).version}, cmsgpack of Redis ${server}, there and back:`);
  let isAsSeen = true;
  for (const [name, value, wanted] of expected) {
    const got = await through(value);
    console.log(`  ${name}: ${got}`);
    isAsSeen &&= got === wanted;
  }
  let nested = 'leaf';
  for (let depth = 0; depth < 20; depth++) nested = { nested };
  let left = unpack(await redis.evalBuffer(script, 0, pack(nested)));
  let depth = 0;
  for (; left; depth++) left = left.nested;
  console.log(`  20 objects in each other: ${depth}, then ${inspect(left)}`);
  isAsSeen &&= depth === 16 && left === null;
  redis.disconnect();
  process.exitCode = isAsSeen ? 0 : 1;
})();
JS
node show.cjs
