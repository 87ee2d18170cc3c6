import { freshNamespace, GivenRedis, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, describe, expect, it, test } from 'vitest';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import { Bench } from '../../src/testing/contract/bench.js';
import { stagingContract } from '../../src/testing/staging-contract.js';

// As an application has it, with what Spillway would not choose.
const options = { connectionName: freshNamespace(), maxRetriesPerRequest: 3, keyPrefix: 'mine:' };
const client = new GivenRedis(sharedRedisUrl(), options);
const eye = new GivenRedis(sharedRedisUrl());
afterAll(() => {
  client.disconnect();
  eye.disconnect();
});

/** What an application would notice of its client: options, state, listeners, and what was sent on its connection. */
async function seen(id: number): Promise<unknown> {
  const clients = String(await eye.client('LIST'));
  const [line = ''] = new RegExp(`^id=${id} .*$`, 'mu').exec(clients) ?? [];
  const field = (name: string): string | undefined => new RegExp(` ${name}=(\\S*)`, 'u').exec(line)?.[1];
  return {
    options: { ...client.options },
    status: client.status,
    mode: client.mode,
    listeners: client.eventNames().map((name) => [String(name), client.listenerCount(name)]),
    scripts: Object.keys(client.scriptsSet),
    last: [field('cmd'), field('name'), field('db'), field('sub')],
  };
}

stagingContract(
  'Redis, by a client that is passed in',
  async (settings) => openRedisStaging({ ...settings, redis: client, namespace: freshNamespace() }),
  { describe, it, expect },
);

describe('a client that is passed in', () => {
  test('is duplicated, never closed, never reconfigured, and nothing is sent on its connection', async () => {
    const id = await client.client('ID');
    const before = await seen(id);
    const namespace = freshNamespace();
    const store = await openRedisStaging({ redis: client, namespace, shards: Bench.shards });
    await store.adopt(0, 'T0');
    const bench = new Bench(store);
    await bench.stage({ kind: 'insert' });
    await bench.flush();
    expect(await seen(id)).toEqual(before);
    // The duplicate has the name of the connection too.
    const named = String(await eye.client('LIST')).match(new RegExp(` name=${options.connectionName} `, 'gu'));
    expect(named).toHaveLength(2);
    await store.close();
    expect(await seen(id)).toEqual(before);
    // Its prefix is its own.
    expect(await eye.exists(`{${namespace}:0}:chain`)).toBe(1);
    expect(await client.client('ID')).toBe(id);
  });

  test('is left as it is where the opening fails', async () => {
    const id = await client.client('ID');
    const before = await seen(id);
    const namespace = freshNamespace();
    const store = await openRedisStaging({ redis: client, namespace, shards: 2 });
    await store.adopt(0, 'T0');
    await store.close();
    await expect(openRedisStaging({ redis: client, namespace, shards: 3 })).rejects.toMatchObject({
      code: 'SHARD_MAP_MISMATCH',
    });
    expect(await seen(id)).toEqual(before);
    expect(await client.ping()).toBe('PONG');
  });
});
