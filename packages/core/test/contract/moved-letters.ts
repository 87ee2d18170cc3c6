import { expect } from 'vitest';
import { encodePlain } from '../../src/change/record-codec.js';
import { rowKeyOf, shardOf } from '../../src/change/row-key.js';
import type { RedisTarget } from '../../src/staging/redis/redis-target.js';
import { moveLetters } from '../../src/staging/reshard/carry-over.js';
import { ShardPlaces } from '../../src/staging/reshard/shard-places.js';

/** Moves letters of one shard to four, as `reshard()` does, and again after the first one is still there. */
export async function moveSomeLetters(target: RedisTarget, namespace: string, commandMs: number): Promise<void> {
  const of = { on: { kind: 'redis', target }, namespace, database: 'db' } as const;
  await using from = await ShardPlaces.open({ ...of, shards: 1 }, commandMs);
  await using to = await ShardPlaces.open({ ...of, shards: 4 }, commandMs);
  const [old] = from.all;
  if (!old) throw new Error('There is no shard 0');
  const letters = Array.from({ length: 12 }, (_, id) => {
    const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] });
    return { rowKey, bytes: encodePlain([rowKey, '23505', 'taken', 'T1', 1_000]) };
  });
  const { connection } = old.server;
  const put = async (): Promise<unknown> =>
    connection.command('HSET', [old.keys.dead, ...letters.flatMap(({ bytes }, at) => [at + 1, bytes])]);
  await put();
  const move = { from, to, isSame: ({ shard }: { readonly shard: number }) => shard === 0 };
  const moved = letters.filter(({ rowKey }) => shardOf(rowKey, 4) !== 0).length;
  expect(moved).toBeGreaterThan(3);
  expect(await moveLetters(move)).toBe(moved);
  // As if the process had died before it took them off the old shard.
  await put();
  expect(await moveLetters(move)).toBe(0);
  const sizes = await Promise.all(to.all.map(async ({ keys }) => connection.command('HLEN', [keys.dead])));
  expect(sizes).toEqual(to.all.map(({ shard }) => letters.filter(({ rowKey }) => shardOf(rowKey, 4) === shard).length));
}
