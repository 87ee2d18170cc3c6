#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1): where the server does not have the database of the URL, SELECT is refused, an `error` event
# says so, and the client becomes ready all the same: in database 0, where every command goes. Needs redis-server and npm.
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
  const wanted = new Redis({ path: 'redis.sock', db: 99 });
  const errors = [];
  wanted.on('error', (error) => errors.push(error.message));
  await wanted.set(name, 'written');
  const other = new Redis({ path: 'redis.sock', db: 0 });
  const found = await other.get(name);
  const { version } = require(`${name}/package.json`);
  console.log(`ioredis ${version}: db 99, of a server with 16: error event "${errors}", SET resolved, found in db 0: ${found}`);
  wanted.disconnect();
  other.disconnect();
  return found === 'written';
}
(async () => {
  process.exitCode = (await show('six')) && (await show('five')) ? 0 : 1;
})();
JS
node show.cjs
