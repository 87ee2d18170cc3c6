import { database, freePort, freshNamespace, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runStrictly } from './child.js';
import { GAUGE_TABLE } from './gauge.js';
import { runSql } from './sql.js';

let db: Database;
beforeAll(async () => {
  db = await database();
  await runSql(db.url, GAUGE_TABLE);
});
afterAll(() => db.drop());

interface Refusal {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Makes the server refuse; answers the URL to use, if it is another one. */
  readonly make?: (client: Redis, server: PrivateRedis, namespace: string) => Promise<string | void>;
  readonly code: string;
  readonly message: RegExp;
  /** Calls that the server lets pass all the same. @defaultValue none */
  readonly passes?: readonly string[];
}

const REFUSALS: readonly Refusal[] = [
  {
    name: 'out of memory (OOM)',
    make: async (client) => {
      await client.config('SET', 'maxmemory', '1');
    },
    code: 'STAGING_FULL',
    message: /^Redis at 127\.0\.0\.1:\d+ is out of memory; nothing was staged\. .*"maxmemory"/u,
    // What stages nothing takes no room.
    passes: ['start', 'find', 'drain', 'status', 'letters'],
  },
  {
    name: 'a replica (READONLY)',
    make: async (client) => {
      await client.replicaof('127.0.0.1', 1);
    },
    code: 'STAGING_UNAVAILABLE',
    message: /^Redis at 127\.0\.0\.1:\d+ takes no commands now \(READONLY .*\); nothing was staged\. Try again/u,
  },
  {
    name: 'too few replicas (NOREPLICAS)',
    settings: { 'min-replicas-to-write': '1' },
    code: 'STAGING_UNAVAILABLE',
    message: /^Redis at 127\.0\.0\.1:\d+ takes no commands now \(NOREPLICAS .*\); nothing was staged\. Try again/u,
  },
  {
    name: 'a user who may not ask for the TIME',
    make: async (client, server) => {
      await client.acl('SETUSER', 'app', 'on', '>secret', '~*', '&*', '+@all', '-time');
      return `redis://app:secret@127.0.0.1:${server.port}`;
    },
    code: 'CONFIG_INVALID',
    message: /^Redis at 127\.0\.0\.1:\d+ does not let its user run TIME, .* nothing was staged\. Give the user \+time/u,
  },
];

describe('what Redis refuses at the first use is the error of each call, and the process lives (H20):', () => {
  test.each(REFUSALS)('$name', async ({ settings = {}, make, code, message, passes = [] }) => {
    await using server = await redis(settings);
    const namespace = freshNamespace();
    const client = new Redis(server.url);
    const redisUrl = (await make?.(client, server, namespace)) ?? server.url;
    client.disconnect();

    const answers = await firstUse(redisUrl, namespace);
    expect(answers).toEqual(refusedWith(code, message, passes));
  });

  test('a node of a cluster', async () => {
    // Its bus would else be ten thousand above its own port, where there may be no port any more.
    await using one = await redis({ 'cluster-enabled': 'yes', 'cluster-port': String(await freePort()) });
    const answers = await firstUse(one.url, freshNamespace());
    const remedy =
      /^Redis at 127\.0\.0\.1:\d+ is a node of a Redis Cluster, .* \(redis_mode:cluster\)\. Give the "redis" option/u;
    expect(answers).toEqual(refusedWith('CONFIG_INVALID', remedy));
  });
});

/** What a process is answered that uses everything once. */
async function firstUse(redisUrl: string, namespace: string): Promise<unknown> {
  const { end, said, errors } = await runStrictly('first-use.ts', { databaseUrl: db.url, redisUrl, namespace });
  return { end, errors, said };
}

function refusedWith(code: string, message: RegExp, passes: readonly string[] = []): unknown {
  const calls = ['start', 'flush', 'find', 'increment', 'patch', 'drain', 'status', 'letters'];
  const refusal = { code, message: expect.stringMatching(message) as unknown };
  const refused = calls.map((call) => ({ call, ...(passes.includes(call) ? { resolved: true } : refusal) }));
  const health = expect.objectContaining({ call: 'health', status: 'down' }) as unknown;
  return { end: 0, errors: '', said: [...refused, health, { call: 'close' }] };
}
