#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1) with `blockingTimeout`: a BLPOP whose reply is more than 100 ms late (`blockingTimeoutGrace`) resolves
# with null, as if the list had been empty. The command stays with the server, and what it pops when the server goes on
# is thrown away: nobody gets it, the list is empty, no error and no event say so. So null no longer means that nothing was
# taken. Here the server pauses its clients for 1.5 s, as a slow script does. Needs redis-server and npm.
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
  const events = [];
  const worker = new Redis({ path: 'redis.sock', blockingTimeout: 10_000 });
  const other = new Redis({ path: 'redis.sock' });
  worker.on('error', (error) => events.push(error.message));
  worker.on('close', () => events.push('close'));
  await other.flushall();
  await other.rpush('jobs', 'job 1');
  await worker.ping();
  await other.client('PAUSE', 1_500, 'ALL');
  const popped = await worker.blpop('jobs', 1);
  const left = await other.llen('jobs');
  const next = await worker.blpop('jobs', 0.2);
  console.log(`ioredis ${require(`${name}/package.json`).version}, one job in the list:`);
  console.log(`  BLPOP: ${popped}; jobs left: ${left}; the next BLPOP: ${next}; events: ${events.length}`);
  const isAsSeen = popped === null && left === 0 && next === null && events.length === 0;
  worker.disconnect();
  other.disconnect();
  return isAsSeen;
}
(async () => {
  const six = await show('six');
  process.exitCode = (await show('five')) && six ? 0 : 1;
})();
JS
node show.cjs
