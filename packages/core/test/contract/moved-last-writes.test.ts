import { sharedRedisUrl, freshNamespace } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { rowKeyOf, shardOf } from '../../src/change/row-key.js';
import { moveLastWrites } from '../../src/staging/reshard/carry-over.js';
import { ShardPlaces } from '../../src/staging/reshard/shard-places.js';

test('the last writes of many rows go to the shards that have them now, each once', async () => {
  const of = { on: { kind: 'redis', target: sharedRedisUrl() }, namespace: freshNamespace(), database: 'db' } as const;
  await using from = await ShardPlaces.open({ ...of, shards: 1 }, 5_000);
  await using to = await ShardPlaces.open({ ...of, shards: 4 }, 5_000);
  const [old] = from.all;
  if (!old) throw new Error('There is no shard 0');
  const keys = Array.from({ length: 8_000 }, (_, id) =>
    rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] }),
  );
  await old.server.connection.command('HSET', [old.keys.recent, ...keys.flatMap((key) => [key, `v${key}`])]);
  await moveLastWrites({ from, to, isSame: ({ shard }) => shard === 0 });
  for (const place of to.all) {
    const own = keys.filter((key) => shardOf(key, 4) === place.shard);
    expect(Number(await place.server.connection.command('HLEN', [place.keys.recent]))).toBe(own.length);
    for (const key of own.slice(0, 20))
      expect(String(await place.server.connection.command('HGET', [place.keys.recent, key]))).toBe(`v${key}`);
  }
});
