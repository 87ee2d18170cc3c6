import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { rowKeyOf, type RowKey } from '../../src/change/row-key.js';
import { shardOf } from '../../src/change/row-key.js';
import { shardKeys, type KeyName } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';

/** R12: what cannot be used in Redis is the trouble of the units that need it, and of no other unit of their group. */

const client = new Redis(sharedRedisUrl());
let namespace: string;
let store: RedisStaging;

beforeEach(async () => {
  namespace = freshNamespace('groups');
  store = await openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 2 });
  for (const shard of [0, 1]) await store.adopt(shard, 'T0');
  return async () => store.close();
});

afterAll(() => client.disconnect());

/** The n-th row of a shard. */
function row(shard: number, number = 0): RowKey {
  const keys = Array.from({ length: 100 }, (_, key) =>
    rowKeyOf({ schema: 'public', table: 'product', key: [`${key}`] }),
  );
  return keys.filter((key) => shardOf(key, 2) === shard)[number] as RowKey;
}

function plusOne(rowKey: RowKey): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { stock: '1' }, originals: {} };
}

/** Stages a group, and answers the status of each of its units. */
async function stage(...units: readonly (readonly RowKey[])[]): Promise<readonly string[]> {
  const group = {
    id: 'group',
    units: units.map((rows) => ({ changes: rows.map(plusOne) })),
    rules: { Product: { ...AT_ONCE, policy: 'p' } },
  };
  const answer = await store.stage(group);
  expect(await store.stage(group)).toEqual(answer);
  return answer.status === 'judged' ? answer.units.map(({ status }) => status) : [];
}

async function stock(rowKey: RowKey): Promise<string | undefined> {
  return (await store.peek([rowKey])).get(rowKey)?.dirty?.deltas['stock'];
}

const keyOf = (shard: number, name: KeyName): string => shardKeys(namespace, shard)[name];

test('a record that cannot be read', async () => {
  await client.hset(keyOf(0, 'dirty'), row(0), 'nonsense');
  const statuses = await stage([row(0, 1)], [row(1), row(0)], [row(1)], [row(0)], [row(0, 1)]);
  expect(statuses).toEqual(['staged', 'unusable', 'staged', 'unusable', 'staged']);
  expect([await stock(row(0, 1)), await stock(row(1))]).toEqual(['2', '1']);
  expect(await store.stats()).toMatchObject({ pending: { Product: 2 }, staged: 3 });
});

test.each(['chain', 'dirty', 'due', 'stats'] as const)('a key of another type: %s of one shard', async (name) => {
  await client.del(keyOf(0, name));
  await client.set(keyOf(0, name), 'text');
  const statuses = await stage([row(1)], [row(1), row(0)], [row(0)], [row(1, 1)]);
  expect(statuses).toEqual(['staged', 'unusable', 'unusable', 'staged']);
  expect([await stock(row(1)), await stock(row(1, 1))]).toEqual(['1', '1']);
});

test('a sequence that is no number', async () => {
  await client.hset(keyOf(0, 'chain'), 'sequence', 'inf');
  expect(await stage([row(0)], [row(1)])).toEqual(['unusable', 'staged']);
  expect(await stock(row(1))).toBe('1');
});

test('stats of another type: no unit is staged under another policy than what is pending', async () => {
  await store.stage({
    id: 'p',
    units: [{ changes: [plusOne(row(0))] }],
    rules: { Product: { ...AT_ONCE, policy: 'p' } },
  });
  await client.del(keyOf(0, 'stats'));
  await client.set(keyOf(0, 'stats'), 'text');
  const answer = await store.stage({
    id: 'q',
    units: [{ changes: [plusOne(row(0))] }, { changes: [plusOne(row(0))] }],
    rules: { Product: { ...AT_ONCE, policy: 'q' } },
  });
  expect(answer.status === 'judged' && answer.units.map(({ status }) => status)).toEqual(['unusable', 'unusable']);
  expect(await stock(row(0))).toBe('1');
});
