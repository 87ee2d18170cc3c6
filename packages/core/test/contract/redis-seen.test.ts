import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Change } from '../../src/change/change.js';
import { rowKeyOf } from '../../src/change/row-key.js';
import { shardKeys } from '../../src/staging/redis/keys.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';

test('an application that stages in transactions only: the answers to its holds are forgotten in the end', async () => {
  const namespace = freshNamespace('seen');
  const client = new Redis(sharedRedisUrl());
  const store = await openRedisStaging({ redis: sharedRedisUrl(), namespace, shards: 1, seenMs: 100, seenCalls: 5 });
  await store.adopt(0, 'T0');
  const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });
  const plusOne: Change = {
    kind: 'increment',
    entity: 'Product',
    rowKey,
    values: {},
    deltas: { n: '1' },
    originals: {},
  };
  for (let hold = 0; hold < 60; hold += 1) {
    const id = `h${hold}`;
    const rules = { Product: AT_ONCE };
    const answer = await store.held.hold({ shard: 0, id, transaction: id, standing: [], changes: [plusOne], rules });
    expect(answer.status).toBe('staged');
    await store.held.stage(0, new Map([[id, []]]));
    await pause(5);
  }
  const keys = shardKeys(namespace, 0);
  const kept = (await client.hlen(keys.seen)) + (await client.hlen(keys['seen:old']));
  client.disconnect();
  await store.close();
  expect(kept).toBeLessThan(60);
});
