import { cluster, freshNamespace, type ClusterServer } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { rowKeyOf } from '../../src/change/row-key.js';
import { slotOfShard } from '../../src/staging/cluster/hash-slot.js';
import { openClusterStaging } from '../../src/staging/cluster/open-cluster-staging.js';
import { readCluster } from '../../src/staging/cluster/redis-cluster.js';
import { Stager } from '../../src/staging/stager.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';

const RULES = {
  Product: { ...AT_ONCE, onFull: 'reject', blockTimeoutMs: 0, durability: 'replicated' },
} as const;
const SHARDS = 2;

let servers: Awaited<ReturnType<typeof cluster>>;
beforeAll(async () => {
  servers = await cluster(3, 1);
}, 60_000);
afterAll(async () => servers[Symbol.asyncDispose]());

async function opened() {
  const store = await openClusterStaging({
    redis: readCluster(servers.target, 'redis'),
    namespace: freshNamespace('tiers'),
    shards: SHARDS,
    commandTimeoutMs: 2_000,
  });
  for (const shard of [0, 1]) await store.adopt(shard, 'T0');
  const stager = new Stager(store, { stageTimeoutMs: 2_000, adopt: async () => {}, endHolds: async () => {} });
  return { store, stager, [Symbol.asyncDispose]: async () => store.close() };
}

/** Increments of rows enough for both shards. */
const changes = Array.from({ length: 8 }, (_, key): Change => ({
  kind: 'increment',
  entity: 'Product',
  rowKey: rowKeyOf({ schema: 'public', table: 'product', key: [String(key)] }),
  values: {},
  deltas: { n: '1' },
  originals: {},
}));

async function counted(store: Awaited<ReturnType<typeof opened>>['store']): Promise<readonly (string | undefined)[]> {
  const pending = await store.peek(changes.map(({ rowKey }) => rowKey));
  return changes.map(({ rowKey }) => pending.get(rowKey)?.dirty?.deltas['n']);
}

test('a flush is staged when the replica of each slot has its changes, also after the slot has moved', async () => {
  await using place = await opened();
  const { staged, short: lacks = [] } = await place.stager.stageAll(changes, RULES);
  expect([staged.size, lacks]).toEqual([changes.length, []]);
  expect((await place.stager.stageAll(changes, RULES)).short ?? []).toEqual([]);
  const slot = slotOfShard(0, SHARDS);
  const [from, to] = servers.servers as [ClusterServer, ClusterServer];
  await servers.move(slot, from, to);
  expect((await place.stager.stageAll(changes, RULES)).short ?? []).toEqual([]);
  expect(await counted(place.store)).toEqual(changes.map(() => '3'));
  await servers.move(slot, to, from);
});

test('a primary without a replica is refused, and nothing of a flush over it is staged', async () => {
  await using alone = await cluster(3);
  const store = await openClusterStaging({
    redis: readCluster(alone.target, 'redis'),
    namespace: freshNamespace('tiers'),
    shards: SHARDS,
    commandTimeoutMs: 2_000,
  });
  try {
    for (const shard of [0, 1]) await store.adopt(shard, 'T0');
    const stager = new Stager(store, { stageTimeoutMs: 2_000, adopt: async () => {}, endHolds: async () => {} });
    await expect(stager.stageAll(changes, RULES)).rejects.toMatchObject({
      code: 'DURABILITY_UNSUPPORTED',
      message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ has no replica online/u),
    });
    expect((await store.peek(changes.map(({ rowKey }) => rowKey))).size).toBe(0);
  } finally {
    await store.close();
  }
});

test('whoever finds out about a call after the end opens no connection, which nobody would close', async () => {
  const place = await opened();
  const [change] = changes as [Change];
  const group = { id: 'late', units: [{ changes: [change] }], rules: RULES, tier: 'replicated' } as const;
  await place.store.close();
  const before = await clients();
  await expect(place.store.fence(group)).rejects.toMatchObject({ code: 'STOPPED' });
  expect(await clients()).toBe(before);
});

/** The connections to all servers that are there for longer than this question. */
async function clients(): Promise<number> {
  const counts = await Promise.all(
    servers.servers.map(async ({ url }) => {
      const client = new Redis(url);
      const list = String(await client.client('LIST', 'TYPE', 'NORMAL'));
      client.disconnect();
      return list
        .trim()
        .split('\n')
        .filter((line) => !line.includes('cmd=client|list')).length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
