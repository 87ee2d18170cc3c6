import { redis, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { RedisConnection } from '../../src/staging/redis/connection.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';

/** Which variable of the environment names which program: docs/compatibility.md. */
const asked = (['VALKEY_SERVER', 'DRAGONFLY_URL'] as const).find((name) => process.env[name]);

test.runIf(asked)('the server of this run is the one that was asked for', async () => {
  const connection = await RedisConnection.open(sharedRedisUrl(), 2_000);
  const { name } = await connection.serverKind();
  expect(name).toBe(asked === 'VALKEY_SERVER' ? 'valkey' : 'dragonfly');
  await connection.close();
});

test('a store knows which server it is on, and says so with its counts', async () => {
  await using server = await redis();
  const store = await openRedisStaging({ redis: server.url, shards: 2 });
  const { servers } = await store.stats();
  expect(servers).toEqual([expect.stringMatching(/^(Redis|Valkey) \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+$/u)]);
  await store.close();
});

test('what a server is, is asked again on each connection', async () => {
  await using server = await redis();
  const connection = await RedisConnection.open(server.url, 2_000);
  const before = await connection.serverKind();
  expect(await connection.serverKind()).toBe(before);
  await server.kill9();
  await server.restart();
  await expect.poll(async () => connection.serverKind().catch(() => before), { timeout: 30_000 }).not.toBe(before);
  expect(await connection.serverKind()).toEqual(before);
  await connection.close();
});

test('a server that may not be asked is of an unknown kind, and serves', async () => {
  await using server = await redis();
  const admin = new Redis(server.url);
  await admin.acl('SETUSER', 'app', 'on', '>secret', '~*', '+@all', '-info');
  admin.disconnect();
  const target = { port: server.port, username: 'app', password: 'secret' };
  const store = await openRedisStaging({ redis: target, shards: 2 });
  expect((await store.stats()).servers).toEqual([`A server of an unknown kind at localhost:${server.port}`]);
  await store.close();
});
