#!/usr/bin/env bash
# ioredis 6.0.0 speaks RESP3 and gives replies the shapes of RESP2 (`replyMapping: 'legacy'`, its default). The shape is
# restored by the name of the command as it was written: `call('zrange', ...)` answers ['a', '1'], and `call('ZRANGE', ...)`
# [['a', '1']]. XREAD in capitals loses an array instead. A transaction of `multi({ pipeline: false })` restores none, and
# after `hello(2)` XREAD is wrapped twice. ioredis 5.11.1 answers one shape in all of these. Needs redis-server and npm.
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
async function shapes(name) {
  const Redis = require(name);
  const redis = new Redis({ path: 'redis.sock' });
  await redis.flushall();
  await redis.zadd('scores', 1, 'a');
  await redis.xadd('log', '1-1', 'f', 'v');
  const range = ['scores', 0, -1, 'WITHSCORES'];
  const read = ['STREAMS', 'log', '0'];
  const seen = {
    'zrange()': await redis.zrange(...range),
    "call('zrange')": await redis.call('zrange', ...range),
    "call('ZRANGE')": await redis.call('ZRANGE', ...range),
    'xread()': await redis.xread(...read),
    "call('XREAD')": await redis.call('XREAD', ...read),
  };
  await redis.multi({ pipeline: false });
  void redis.zrange(...range);
  void redis.xread(...read);
  [[, seen['zrange() in multi without a pipeline']], [, seen['xread() in multi without a pipeline']]] = await redis.exec();
  await redis.hello(2);
  seen['xread() after hello(2)'] = await redis.xread(...read);
  redis.disconnect();
  console.log(`ioredis ${require(`${name}/package.json`).version}`);
  for (const [call, reply] of Object.entries(seen)) console.log(`  ${call}: ${JSON.stringify(reply)}`);
  return JSON.stringify(Object.values(seen));
}
const flat = ['a', '1'];
const pairs = [['a', '1']];
const stream = ['log', [['1-1', ['f', 'v']]]];
(async () => {
  const five = await shapes('five');
  const six = await shapes('six');
  const isAsSeen =
    five === JSON.stringify([flat, flat, flat, [stream], [stream], flat, [stream], [stream]]) &&
    six === JSON.stringify([flat, flat, pairs, [stream], stream, pairs, stream, [[stream, null]]]);
  process.exitCode = isAsSeen ? 0 : 1;
})();
JS
node show.cjs
