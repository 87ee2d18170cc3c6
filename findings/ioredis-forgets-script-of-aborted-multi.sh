#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1): the first use of a command of `defineCommand` is in a transaction that EXEC gives up, because a
# watched key has changed. From then on every transaction with that command has NOSCRIPT in its place, also those that nothing
# disturbs, and their other commands are carried out. The script counts as loaded once it is written to the socket, and
# a server only loads what it runs. It ends when the command is used once outside a transaction. Needs redis-server and npm.
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
const told = (results) => results && results.map(([error, value]) => (error ? error.message.split(' ')[0] : value)).join(', ');

async function show(name) {
  const Redis = require(name);
  const redis = new Redis({ path: 'redis.sock' });
  const other = new Redis({ path: 'redis.sock' });
  redis.defineCommand('add', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
  await redis.flushall();
  await redis.script('FLUSH');
  const transaction = async () => told(await redis.multi().add('sum', 5).incr('count').exec());
  await redis.watch('watched');
  await other.set('watched', 'changed');
  const seen = [await transaction(), await transaction(), await transaction()];
  await redis.add('sum', 5);
  seen.push(await transaction());
  redis.disconnect();
  other.disconnect();
  console.log(`ioredis ${require(`${name}/package.json`).version}: MULTI, add, INCR, EXEC`);
  console.log(`  key changed: ${seen[0]}`);
  console.log(`  second: ${seen[1]}`);
  console.log(`  third: ${seen[2]}`);
  console.log(`  after one add outside: ${seen[3]}`);
  return JSON.stringify(seen) === JSON.stringify([null, 'NOSCRIPT, 1', 'NOSCRIPT, 2', '10, 3']);
}
(async () => {
  process.exitCode = (await show('six')) && (await show('five')) ? 0 : 1;
})();
JS
node show.cjs
