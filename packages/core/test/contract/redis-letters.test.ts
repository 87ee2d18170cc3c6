import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { openRedisStaging, type RedisStagingOptions } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { AT_ONCE, rejected } from '../../src/testing/contract/bench.js';
import { rowKeyOf } from '../../src/change/row-key.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

const row = (n: number) => rowKeyOf({ schema: 'public', table: 'product', key: [String(n)] });

async function open(
  namespace: string,
  options: Partial<RedisStagingOptions> = {},
): Promise<RedisStaging & AsyncDisposable> {
  const store = await openRedisStaging({ ...options, redis: sharedRedisUrl(), namespace, shards: 1 });
  return Object.assign(store, { [Symbol.asyncDispose]: async () => store.close() });
}

/** Buries changes of so many rows, in batches that a slow machine takes in time. */
async function bury(store: RedisStaging, count: number, code: string): Promise<void> {
  for (let from = 0; from < count; from += 1_500) await buryBatch(store, from, Math.min(count, from + 1_500), code);
}

async function buryBatch(store: RedisStaging, from: number, to: number, code: string): Promise<void> {
  const rows = Array.from({ length: to - from }, (_, n) => row(from + n));
  const token = `${code} from ${from}`;
  const rules = { Product: { ...AT_ONCE, maxPending: 100_000 } };
  const change = { kind: 'update', entity: 'Product', values: { n: '1' }, deltas: {}, originals: {} } as const;
  await stageOne(store, { shard: 0, id: token, changes: rows.map((rowKey) => ({ ...change, rowKey })), rules });
  const predecessor = (await store.chain(0))?.last ?? '';
  await store.claim(0, { token, predecessor, limit: 100_000 });
  await store.acknowledge(0, token, new Map(rows.map((rowKey) => [rowKey, { ...rejected, code }])), []);
}

test('of very many letters Redis is not asked for all the names, and none is missed', async () => {
  await using store = await open(freshNamespace(), { keepLetters: 100_000 });
  await store.adopt(0, 'T0');
  await bury(store, 50, '23502');
  await bury(store, 10_100, '23505');
  await bury(store, 3, '23514');
  const middle = await store.deadLetters.list({ code: '23505', offset: 9_900, limit: 400 });
  expect(middle.length).toBe(200);
  await Promise.all(middle.map(async (letter) => store.deadLetters.discard(letter)));
  const ids: number[] = [];
  for await (const letters of store.deadLetters.pages({})) ids.push(...letters.map(({ id }) => Number(id)));
  expect(ids.length).toBe(9_953);
  expect(ids).toEqual(ids.toSorted((left, right) => right - left));
  const found = await store.deadLetters.list({ offset: 9_952, limit: 5 });
  expect(found.map(({ id, code }) => [id, code])).toEqual([['1', '23502']]);
});

test('a limit that was lowered is reached in several acts, none of which is long', async () => {
  const namespace = freshNamespace();
  await using before = await open(namespace);
  await before.adopt(0, 'T0');
  await bury(before, 1_500, '23505');
  await using store = await open(namespace, { keepLetters: 10 });
  const heard: number[] = [];
  store.deadLetters.onDropped(({ letters }) => heard.push(letters.length));
  await bury(store, 1, '23514');
  expect(heard).toEqual([501]);
  await store.deadLetters.trim();
  expect(heard).toEqual([501, 500, 490]);
  expect(await store.stats()).toMatchObject({ dead: 10, deadDropped: 1_491 });
  const [newest] = await store.deadLetters.list();
  expect(newest?.code).toBe('23514');
});
