import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { expect, test } from 'vitest';
import { rowKeyOf, type RowKey } from '../../src/change/row-key.js';
import { shardOf } from '../../src/change/row-key.js';
import { DEFAULT_LIMITS } from '../../src/staging/limits.js';
import { RedisConnection } from '../../src/staging/redis/connection.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { RedisStaging } from '../../src/staging/redis/redis-staging.js';
import { ShardScripts } from '../../src/staging/redis/shard-scripts.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';
import { stageOne, type StageAnswer } from '../../src/testing/contract/one-unit.js';

/** A row of the shard, of two. */
function rowOf(shard: number): RowKey {
  const keys = Array.from({ length: 50 }, (_, key) =>
    rowKeyOf({ schema: 'public', table: 'product', key: [`${key}`] }),
  );
  return keys.find((key) => shardOf(key, 2) === shard) as RowKey;
}

test('what one process has left stays left, whatever another one does that has slept over it (F37)', async () => {
  const settings = { namespace: freshNamespace(), shards: 2 };
  const store = await openRedisStaging({ redis: sharedRedisUrl(), ...settings });
  const connection = await RedisConnection.open(sharedRedisUrl(), 2_000);
  try {
    for (const shard of [0, 1]) await store.adopt(shard, 'T0');
    let calls = 0;
    const stage = async (shard: number, kind: 'insert' | 'delete' = 'insert'): Promise<StageAnswer> => {
      const rowKey = rowOf(shard);
      const change = { kind, entity: 'Product', rowKey, values: {}, deltas: {}, originals: {} } as const;
      calls += 1;
      return stageOne(store, {
        shard,
        id: `call-${calls}`,
        changes: [change],
        rules: { Product: { ...AT_ONCE, policy: 'p' } },
      });
    };

    // It has looked at all shards, and sleeps in the midst of leaving them: somebody stages, it is written, and another
    // process leaves.
    const scripts = new ShardScripts(connection, settings.namespace, settings.shards, { epoch: '1' });
    const run = scripts.run.bind(scripts);
    let leaving: Promise<unknown> | undefined;
    const anotherLeaves = async (): Promise<unknown> => {
      leaving ??= stage(1, 'delete').then(async () => store.policies.leave(['Product'], 0));
      return leaving;
    };
    scripts.run = async (name, shard, args) => {
      if (args?.[0] === 'leave' && shard === 1) await stage(1);
      if (args?.[0] === 'rejoin') await anotherLeaves();
      return run(name, shard, args);
    };
    const sleepy = new RedisStaging(connection, scripts, DEFAULT_LIMITS, store.keeping);
    expect(await sleepy.policies.leave(['Product'], 0)).toEqual([]);

    expect(await anotherLeaves()).toEqual(['Product']);
    for (const shard of [0, 1])
      expect(await stage(shard)).toMatchObject({ status: 'refused', refusals: [{ reason: 'left' }] });
  } finally {
    await connection.close();
    await store.close();
  }
});
