#!/usr/bin/env bash
# ioredis 6.0.0 (and 5.11.1): with `redisOptions: { stringNumbers: true }` a cluster client knows two thirds of the slots of
# three even nodes. It compares the first and the last slot of a range as texts, and '5461' comes after '10922'. Commands
# still arrive, by way of MOVED; with `enableAutoPipelining` a key of the middle node is refused by a TypeError ("reading
# 'join'"), thrown by the call itself. The issue about it (1395) was closed as addressed in 5.0.0. Needs redis-server,
# redis-cli and npm.
# Fails if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent six@npm:ioredis@6.0.0 five@npm:ioredis@5.11.1 cluster-key-slot@1.1.1
# The port of the bus is 10000 higher, so that of the clients is below 50000.
port() {
  node -e '
const { createServer } = require("node:net");
(function look() {
  const port = 20000 + Math.floor(Math.random() * 25000);
  const server = createServer().once("error", look).listen(port, "127.0.0.1", () => server.close(() => {
    const bus = createServer().once("error", look).listen(port + 10000, "127.0.0.1", () => bus.close(() => console.log(port)));
  }));
})();'
}
nodes=()
for node in 1 2 3; do
  port=$(port)
  mkdir "$node"
  redis-server --port "$port" --bind 127.0.0.1 --cluster-enabled yes --save '' --dir "$folder/$node" >"$folder/$node.log" &
  started+=($!)
  nodes+=("127.0.0.1:$port")
done
sleep 1
redis-cli --cluster create "${nodes[@]}" --cluster-yes >create.log
cat >show.cjs <<'JS'
const slotOf = require('cluster-key-slot');
const [host, port] = process.argv[2].split(':');
let number = 0;
while (slotOf(`key${number}`) < 5461 || slotOf(`key${number}`) > 10922) number++;

async function show(name, stringNumbers) {
  const { Cluster } = require(name);
  async function cluster(enableAutoPipelining, use) {
    const redis = new Cluster([{ host, port }], { enableAutoPipelining, redisOptions: { stringNumbers } });
    await new Promise((resolve) => redis.once('ready', resolve));
    const result = await use(redis);
    redis.disconnect();
    return result;
  }
  const slots = await cluster(false, (redis) => redis.slots.filter(Boolean).length);
  const setting = (redis) => redis.set(`key${number}`, 1);
  const plain = await cluster(false, async (redis) => setting(redis).catch((error) => error.name));
  const automatic = await cluster(true, async (redis) => {
    try {
      return await setting(redis);
    } catch (error) {
      return error.name;
    }
  });
  console.log(`ioredis ${require(`${name}/package.json`).version}, stringNumbers ${stringNumbers}: slots known: ${slots}`);
  console.log(`  SET of a key of the middle node: ${plain}; by an automatic pipeline: ${automatic}`);
  return `${slots} ${plain} ${automatic}`;
}
(async () => {
  let isAsSeen = true;
  for (const name of ['six', 'five']) {
    isAsSeen &&= (await show(name, false)) === '16384 OK OK';
    isAsSeen &&= (await show(name, true)) === '10922 OK TypeError';
  }
  process.exitCode = isAsSeen ? 0 : 1;
})();
JS
for _ in $(seq 60); do
  if redis-cli -p "${nodes[0]#*:}" cluster info | grep -q 'cluster_state:ok'; then break; fi
  sleep 0.5
done
node show.cjs "${nodes[0]}"
