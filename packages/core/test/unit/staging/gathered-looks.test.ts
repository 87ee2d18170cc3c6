import { expect, test } from 'vitest';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import type { RedisConnection } from '../../../src/staging/redis/connection.js';
import { GatheredLooks } from '../../../src/staging/redis/gathered-looks.js';
import type { ShardScripts } from '../../../src/staging/redis/shard-scripts.js';

const SHARDS = 4;
const PRODUCTS = { schema: 'public', table: 'product' };
const ORDERS = { schema: 'public', table: 'order' };
const keys = (table: string, ...ids: readonly number[]): RowKey[] =>
  ids.map((id) => rowKeyOf({ schema: 'public', table, key: [String(id)] }));

/** Redis as it answers `cache-look`: each row is one that another reader loads. */
function world(
  fails: (shards: readonly number[]) => Error | undefined = () => undefined,
  answers: () => Promise<void> = async () => {},
) {
  const calls: { readonly shards: readonly number[]; readonly rows: number }[] = [];
  const scripts = {
    shards: SHARDS,
    runOnGroups: async (_: string, shards: readonly number[], args: readonly (string | number)[]) => {
      const rows: number[] = [];
      for (let at = 4; at < args.length; at += 2 + Number(args[at + 1])) rows.push(Number(args[at + 1]));
      calls.push({ shards, rows: rows.reduce((sum, count) => sum + count, 0) });
      const error = fails(shards);
      if (error) throw error;
      await answers();
      return ['looked', ...rows.flatMap((count) => [null, null, ...Array.from({ length: count }, () => 'taken')])];
    },
  };
  const connection = { serverRun: async () => 'run' };
  const looks = new GatheredLooks(scripts as unknown as ShardScripts, connection as unknown as RedisConnection, 1_000);
  return { calls, looks };
}

test('R18: the look-ups of one turn leave as one call, over their shards and tables', async () => {
  const { calls, looks } = world();
  const [products, same, orders] = await Promise.all([
    looks.look(PRODUCTS, keys('product', 1, 2, 3, 4, 5)),
    // It arrives some promises later in the same turn.
    Promise.resolve().then(async () => looks.look(PRODUCTS, keys('product', 2))),
    looks.look(ORDERS, keys('order', 7)),
  ]);
  expect(calls).toHaveLength(1);
  expect(calls[0]?.rows).toBe(7);
  expect([...products.keys()].toSorted()).toEqual(keys('product', 1, 2, 3, 4, 5).toSorted());
  expect([...same.keys()]).toEqual(keys('product', 2));
  expect([...orders]).toEqual([[keys('order', 7)[0], { kind: 'taken' }]]);
});

test('R18: a look-up joins no call that has left', async () => {
  const { calls, looks } = world();
  const first = looks.look(PRODUCTS, keys('product', 1));
  await new Promise(setImmediate);
  await Promise.all([first, looks.look(PRODUCTS, keys('product', 1))]);
  expect(calls.map(({ rows }) => rows)).toEqual([1, 1]);
});

test('many rows leave in two calls, and a caller goes on when its own rows are answered', async () => {
  const held = Promise.withResolvers<void>();
  let sent = 0;
  const { calls, looks } = world(undefined, async () => {
    sent += 1;
    if (sent === 2) await held.promise;
  });
  const all = keys('product', ...Array.from({ length: 64 }, (_, id) => id));
  const done: RowKey[] = [];
  const looking = all.map(async (key) => {
    await looks.look(PRODUCTS, [key]);
    done.push(key);
  });
  await new Promise(setImmediate);
  expect(calls.map(({ rows }) => rows).reduce((sum, rows) => sum + rows, 0)).toBe(64);
  expect(calls.length).toBe(2);
  expect(done).toHaveLength(calls[0]?.rows ?? 0);
  held.resolve();
  await Promise.all(looking);
  expect(new Set(done).size).toBe(64);
});

test('a call is of bounded size', async () => {
  const { calls, looks } = world();
  const ids = Array.from({ length: 4_500 }, (_, id) => id);
  expect((await looks.look(PRODUCTS, keys('product', ...ids))).size).toBe(4_500);
  expect(calls.every(({ rows }) => rows <= 2_000)).toBe(true);
  expect(calls.reduce((sum, { rows }) => sum + rows, 0)).toBe(4_500);
});

test('a shard that Redis cannot read fails its own callers alone', async () => {
  const damaged = new SpillwayError('CONFIG_INVALID', 'WRONGTYPE');
  const all = keys('product', ...Array.from({ length: 20 }, (_, id) => id));
  const { calls, looks } = world((shards) => (shards.includes(0) ? damaged : undefined));
  const answers = await Promise.allSettled(all.map(async (key) => looks.look(PRODUCTS, [key])));
  const failed = answers.filter(({ status }) => status === 'rejected').length;
  expect(failed).toBeGreaterThan(0);
  expect(failed).toBeLessThan(20);
  expect(calls).toHaveLength(1 + SHARDS);
});

test('a call that gets no answer is not sent again, and fails all its callers', async () => {
  const down = new SpillwayError('STAGING_UNAVAILABLE', 'away');
  const { calls, looks } = world(() => down);
  const answers = await Promise.allSettled(keys('product', 1, 2, 3, 4).map(async (key) => looks.look(PRODUCTS, [key])));
  expect(answers.every((answer) => answer.status === 'rejected' && answer.reason === down)).toBe(true);
  expect(calls).toHaveLength(1);
});
