import { cluster, freshNamespace, GivenCluster, type TestCluster } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClusterStaging } from '../../src/staging/cluster/open-cluster-staging.js';
import { readCluster } from '../../src/staging/cluster/redis-cluster.js';
import { Bench } from '../../src/testing/contract/bench.js';

let servers: TestCluster;
beforeAll(async () => {
  servers = await cluster(3, 0, (place) => ({ 'cluster-announce-port': String(announced(place)) }));
});
afterAll(async () => servers[Symbol.asyncDispose]());

/** Ports that no server has. The servers tell them, as they do behind an address translation. */
function announced(place: number): number {
  return 1 + place;
}

function natMap(): Readonly<Record<string, { readonly host: string; readonly port: number }>> {
  const entries = servers.servers.map(({ port }, place) => [
    `127.0.0.1:${announced(place)}`,
    { host: '127.0.0.1', port },
  ]);
  return Object.fromEntries(entries) as ReturnType<typeof natMap>;
}

/** Stages a row in each shard, and flushes all. @returns how many were flushed */
async function flushedOn(redis: ReturnType<typeof readCluster>): Promise<number> {
  const store = await openClusterStaging({ redis, namespace: freshNamespace(), shards: Bench.shards });
  const bench = new Bench(store);
  let flushed = 0;
  for (let shard = 0; shard < Bench.shards; shard += 1) {
    await store.adopt(shard, 'T0');
    const rowKey = bench.row(0, 'product', shard);
    await bench.stage({ rowKey, kind: 'insert' });
    const claim = await store.claim(shard, { token: 'T1', predecessor: 'T0', limit: 9 });
    if (claim.status !== 'batch') throw new Error(`Shard ${shard} has answered ${claim.status}`);
    flushed += claim.batch.records.size;
    await store.acknowledge(shard, 'T1', new Map(), [rowKey]);
  }
  await store.close();
  return flushed;
}

test('a cluster whose servers tell other addresses is reached by its natMap', async () => {
  expect(await flushedOn(readCluster({ ...servers.target, natMap: natMap() }, 'redis'))).toBe(Bench.shards);
});

test('a Cluster of ioredis that is passed in is read, with its natMap, and neither used nor closed', async () => {
  const client = new GivenCluster([...servers.target.cluster], { natMap: natMap(), redisOptions: { db: 0 } });
  expect(await client.ping()).toBe('PONG');
  const seen = (): unknown => ({
    status: client.status,
    options: { ...client.options },
    listeners: client.eventNames().map((name) => [String(name), client.listenerCount(name)]),
    nodes: client.nodes().map(({ options: { port }, status }) => [port, status]),
  });
  const before = seen();
  expect(await flushedOn(readCluster(client, 'redis'))).toBe(Bench.shards);
  expect(seen()).toEqual(before);
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});
