#!/usr/bin/env bash
# ioredis 6.0.0 answers 9007199254740992 where Redis says 9007199254740991 (Number.MAX_SAFE_INTEGER). ioredis 5.11.1 is
# right. Its decoder adds the code of the last digit before it takes that of "0" away, and so leaves what a number holds.
# Needs redis-server and npm. Fails if the behaviour has changed.
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
  await redis.set('largest', '9007199254740991');
  const answer = String(await redis.incrby('largest', 0));
  console.log(`ioredis ${require(`${name}/package.json`).version}: INCRBY of 9007199254740991 by 0 answers ${answer}`);
  redis.disconnect();
  return answer;
}
(async () => {
  const six = await show('six');
  const five = await show('five');
  process.exitCode = six === '9007199254740992' && five === '9007199254740991' ? 0 : 1;
})();
JS
node show.cjs
