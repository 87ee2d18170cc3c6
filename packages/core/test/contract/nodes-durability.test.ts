import { freshNamespace, redis, redisWithReplicas } from '@spillway/test-support';
import { expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { rowKeyOf } from '../../src/change/row-key.js';
import { openNodesStaging } from '../../src/staging/nodes/open-nodes-staging.js';
import type { NodesStaging } from '../../src/staging/nodes/nodes-staging.js';
import { Stager } from '../../src/staging/stager.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';

const RULES = {
  Product: { ...AT_ONCE, onFull: 'reject', blockTimeoutMs: 0, durability: 'replicated' },
} as const;

/** One shard on each of two servers, and a stager. */
async function opened(one: string, two: string, commandTimeoutMs = 30_000) {
  const store: NodesStaging = await openNodesStaging({
    redis: {
      nodes: [
        { name: 'one', target: one },
        { name: 'two', target: two },
      ],
      shares: new Map([
        ['one', [0]],
        ['two', [1]],
      ]),
    },
    namespace: freshNamespace('tiers'),
    shards: 2,
    commandTimeoutMs,
  });
  for (const shard of [0, 1]) await store.adopt(shard, 'T0');
  const stager = new Stager(store, { stageTimeoutMs: 1_000, adopt: async () => {}, endHolds: async () => {} });
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

test('a flush over two servers of which one has no replica is refused, and nothing of it is staged', async () => {
  await using servers = await redisWithReplicas(1);
  await using alone = await redis();
  await using place = await opened(servers.primary.url, alone.url);
  await expect(place.stager.stageAll(changes, RULES)).rejects.toMatchObject({ code: 'DURABILITY_UNSUPPORTED' });
  expect((await place.store.peek(changes.map(({ rowKey }) => rowKey))).size).toBe(0);
});

test('each of two servers is waited for by itself', async () => {
  await using one = await redisWithReplicas(1);
  await using two = await redisWithReplicas(1);
  await using place = await opened(one.primary.url, two.primary.url, 900);
  two.replicas[0]?.pause();
  const { staged, short = [] } = await place.stager.stageAll(changes, RULES);
  two.replicas[0]?.resume();
  expect(staged.size).toBe(changes.length);
  expect(short.map(({ said }) => said)).toContain('0 of 1 replicas had it within 300 ms');
});
