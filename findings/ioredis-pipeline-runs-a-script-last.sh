#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1), a command of `defineCommand` in a pipeline, on a connection that used it before, when the
# server has lost the script (SCRIPT FLUSH): the client sends it once more by itself, after the whole pipeline. So
# `pipeline().put('two').rpush('three')` leaves one, three, two, and its results come in the order that was asked for, without
# an error. The maintainers' reason not to send again in a pipeline was this order; since 5 it is sent. Needs redis-server and npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
redis-server --port 0 --unixsocket "$folder/redis.sock" --save '' --dir "$folder" >"$folder/redis.log" &
server=$!
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent six@npm:ioredis@6.0.0 five@npm:ioredis@5.11.1
cat >show.cjs <<'JS'
async function show(name) {
  const Redis = require(name);
  const redis = new Redis({ path: 'redis.sock' });
  redis.defineCommand('put', { numberOfKeys: 1, lua: "return redis.call('rpush', KEYS[1], ARGV[1])" });
  await redis.flushall();
  await redis.put('list', 'one');
  await redis.script('FLUSH');
  const results = await redis.pipeline().put('list', 'two').rpush('list', 'three').exec();
  const list = await redis.lrange('list', 0, -1);
  redis.disconnect();
  console.log(`ioredis ${require(`${name}/package.json`).version}: put two, then push three`);
  console.log(`  results [error, length]: ${JSON.stringify(results)}; the list: ${list}`);
  return JSON.stringify(results) === '[[null,3],[null,2]]' && String(list) === 'one,three,two';
}
(async () => {
  process.exitCode = (await show('six')) && (await show('five')) ? 0 : 1;
})();
JS
node show.cjs
