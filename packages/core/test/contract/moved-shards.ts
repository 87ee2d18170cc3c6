import { expect } from 'vitest';
import { encodePlain } from '../../src/change/record-codec.js';
import { rowKeyOf, shardOf } from '../../src/change/row-key.js';
import type { RedisTarget } from '../../src/staging/redis/redis-target.js';
import { copyLetters, takeLetters } from '../../src/staging/reshard/move-letters.js';
import { leavePlaces } from '../../src/staging/reshard/switch-shards.js';
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
  expect(await copyLetters(move)).toBe(moved);
  expect(await copyLetters(move)).toBe(0);
  // As if a replica had taken over that had not received those of one shard.
  const [, second] = to.all;
  const forgotten = letters.filter(({ rowKey }) => shardOf(rowKey, 4) === 1).length;
  expect(forgotten).toBeGreaterThan(0);
  await connection.command('DEL', [second?.keys.dead ?? '']);
  expect(await takeLetters(move)).toBe(forgotten);
  // As if the process had died before it took them off the old shard.
  await put();
  expect(await takeLetters(move)).toBe(0);
  const sizes = await Promise.all(to.all.map(async ({ keys }) => connection.command('HLEN', [keys.dead])));
  expect(sizes).toEqual(to.all.map(({ shard }) => letters.filter(({ rowKey }) => shardOf(rowKey, 4) === shard).length));
}

/** A place is removed once it is closed and nothing is in it, but for its chain; otherwise it stays as it is. */
export async function leaveSomePlace(target: RedisTarget, namespace: string, commandMs: number): Promise<void> {
  const of = { on: { kind: 'redis', target }, namespace, database: 'db', shards: 1 } as const;
  await using from = await ShardPlaces.open(of, commandMs);
  const [old] = from.all;
  if (!old) throw new Error('There is no shard 0');
  const { keys, server } = old;
  const send = async (...[name, ...args]: readonly [string, ...string[]]): Promise<unknown> =>
    server.connection.command(name, args);
  const leave = async (): Promise<void> => leavePlaces(from, () => true);
  const refused = { code: 'SHARD_MAP_MISMATCH', message: expect.stringMatching(/has changes in shard 0 .*again/u) };
  for (const name of ['recent', 'seen', 'cache:blocks'] as const) await send('HSET', keys[name], 'field', '1');
  await send('HSET', keys.chain, 'epoch', from.epoch);
  await expect(leave()).rejects.toMatchObject(refused);
  await send('HSET', keys.chain, 'epoch', from.movingEpoch);
  for (const name of ['dirty', 'flight', 'held', 'dead'] as const) {
    await send('HSET', keys[name], 'field', '1');
    await expect(leave()).rejects.toMatchObject(refused);
    await send('HDEL', keys[name], 'field');
  }
  expect(Number(await send('HLEN', keys.recent))).toBe(1);
  await leave();
  for (const name of ['recent', 'seen', 'cache:blocks'] as const)
    expect(Number(await send('HLEN', keys[name]))).toBe(0);
  expect(String(await send('HGET', keys.chain, 'epoch'))).toBe(from.movingEpoch);
}
