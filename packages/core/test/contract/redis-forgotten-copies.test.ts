import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { RedisConnection } from '../../src/staging/redis/connection.js';
import { shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { RedisRowCache } from '../../src/staging/redis/redis-row-cache.js';
import { ShardScripts } from '../../src/staging/redis/shard-scripts.js';
import { Bench } from '../../src/testing/contract/bench.js';
import { copied, look } from '../../src/testing/contract/copies.js';

/** Runs a step once, when the first command of a call has been answered. */
class Interrupted extends ShardScripts {
  between: (() => Promise<void>) | undefined;

  override async command(...args: Parameters<ShardScripts['command']>): Promise<unknown> {
    const reply = await super.command(...args);
    const step = this.between;
    this.between = undefined;
    await step?.();
    return reply;
  }
}

test('R3: a batch that ends while all copies are forgotten carries none of them on', async () => {
  const namespace = freshNamespace();
  const redis = sharedRedisUrl();
  const store = await openRedisStaging({ redis, namespace, shards: Bench.shards });
  const connection = await RedisConnection.open(redis, 2_000);
  const client = new Redis(redis);
  try {
    const bench = new Bench(store);
    await store.adopt(0, 'T0');
    await copied(bench, 'v5');
    // The younger generation was full.
    const keys = shardKeys(namespace, 0);
    await client.rename(keys.cache, keys['cache:old']);
    await bench.stage({ values: { name: '"new"' } });
    const batch = await bench.claim();
    const scripts = new Interrupted(connection, namespace, Bench.shards, { epoch: '1' });
    const other = new RedisRowCache(scripts, connection, 1_000_000);
    scripts.between = async () => bench.end(batch);
    await other.clear();
    expect(await look(bench)).toMatchObject({ kind: 'ticket' });
  } finally {
    client.disconnect();
    await connection.close();
    await store.close();
  }
});
