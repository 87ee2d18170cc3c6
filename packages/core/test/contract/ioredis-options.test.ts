import { anotherIoredis, freshNamespace, GivenRedis as Redis, redis, sharedRedisUrl } from '@spillway/test-support';
import { Command, type RedisOptions } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { rowKeyOf } from '../../src/change/row-key.js';
import { IOREDIS_OPTIONS } from '../../src/staging/redis/ioredis-options.js';
import { openRedisStaging } from '../../src/staging/redis/open-redis-staging.js';
import type { RedisTarget } from '../../src/staging/redis/redis-target.js';
import type { StagingStore } from '../../src/staging/staging-store.js';
import { AT_ONCE } from '../../src/testing/contract/bench.js';
import { stageOne } from '../../src/testing/contract/one-unit.js';

const ROW = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });
const LETTER = rowKeyOf({ schema: 'public', table: 'product', key: ['2'] });

/**
 * What every part of Spillway relies on: numbers that are numbers, texts, nothing, keys where they belong, dead letters
 * that can be read and discarded.
 */
async function tour(store: StagingStore): Promise<unknown> {
  await store.adopt(0, 'T0');
  const change = { kind: 'increment' as const, entity: 'Product', values: {}, deltas: { stock: '1' }, originals: {} };
  const changes = [ROW, LETTER].map((rowKey) => ({ ...change, rowKey }));
  const staged = await stageOne(store, { shard: 0, id: 'one', changes, rules: { Product: AT_ONCE } });
  const made = await store.due.make({ kind: 'all' });
  const due = await store.due.next();
  const claimed = await store.claim(0, { token: 'T1', predecessor: 'T0', limit: 10 });
  const buried = { kind: 'buried', code: 'X', reason: '', rejected: true, counted: false } as const;
  const acknowledged = await store.acknowledge(0, 'T1', new Map([[LETTER, buried]]), [LETTER]);
  const letters = await store.deadLetters.list();
  const discarded = await Promise.all(letters.map(async (letter) => store.deadLetters.discard(letter)));
  const { servers, ...stats } = await store.stats();
  return {
    staged: staged.status,
    made: made.size,
    due,
    claimed: claimed.status === 'batch' && [...claimed.batch.records.keys()].toSorted(),
    acknowledged,
    letters: letters.map(({ rowKey, code }) => [rowKey, code]),
    discarded,
    stats,
    servers: servers?.length,
    peeked: (await store.peek([ROW])).get(ROW)?.dirty,
  };
}

async function tourOf(target: RedisTarget, namespace = freshNamespace()): Promise<unknown> {
  const store = await openRedisStaging({ redis: target, namespace, shards: 1, acceptVolatile: true });
  try {
    return await tour(store);
  } finally {
    await store.close();
  }
}

const url = new URL(sharedRedisUrl());
const PLACE = { host: url.hostname, port: Number(url.port) };

/** Each option as nobody would want it. The type has every option of ioredis. */
const HOSTILE: Readonly<Record<keyof RedisOptions, unknown>> = {
  ...PLACE,
  path: undefined,
  family: 4,
  tls: undefined,
  username: undefined,
  password: undefined,
  db: 3,
  Connector: undefined,
  keepAlive: 0,
  noDelay: false,
  connectionName: 'a name',
  clientInfoTag: 'a tag',
  disableClientInfo: true,
  sentinels: undefined,
  name: 'shop',
  sentinelUsername: 'nobody',
  sentinelPassword: 'nothing',
  sentinelTLS: {},
  enableTLSForSentinelMode: true,
  natMap: {},
  updateSentinels: false,
  role: 'master',
  preferredSlaves: () => null,
  failoverDetector: false,
  sentinelMaxConnections: 0,
  sentinelCommandTimeout: 1,
  sentinelRetryStrategy: () => null,
  sentinelReconnectStrategy: () => null,
  connectTimeout: 1,
  disconnectTimeout: 600_000,
  commandTimeout: 0,
  socketTimeout: 0,
  blockingTimeout: 1,
  blockingTimeoutGrace: 0,
  maxLoadingRetryTime: 600_000,
  retryStrategy: null,
  reconnectOnError: () => 2,
  maxRetriesPerRequest: null,
  lazyConnect: false,
  enableReadyCheck: false,
  enableOfflineQueue: true,
  offlineQueue: true,
  commandQueue: true,
  autoResendUnfulfilledCommands: true,
  autoResubscribe: true,
  enableAutoPipelining: true,
  autoPipeliningIgnoredCommands: ['evalsha'],
  keyPrefix: 'mine:',
  protocol: 3,
  replyMapping: 'resp3',
  stringNumbers: true,
  readOnly: true,
  monitor: true,
  scripts: { call: { lua: 'return 1', numberOfKeys: 0 } },
  himportFieldsets: undefined,
  showFriendlyErrorStack: true,
};

const NAMES = Object.keys(IOREDIS_OPTIONS) as (keyof RedisOptions)[];

type Options = RedisOptions & { replyMapping?: 'legacy' };

/** `resp3` is refused by ioredis itself without the protocol. */
function hostile(name: keyof RedisOptions): Options {
  const own = { ...PLACE, [name]: HOSTILE[name] };
  return name === 'replyMapping' ? { ...own, protocol: 3 } : own;
}

describe('no option of ioredis changes what a staging store answers', () => {
  test.each(NAMES)('%s, given as an option', async (name) => {
    expect(await tourOf(hostile(name))).toEqual(await tourOf(PLACE));
  });

  test.each(NAMES.filter((name) => name !== 'connectTimeout'))('%s, of a client that is passed in', async (name) => {
    const client = new Redis({ ...hostile(name), ...(name === 'lazyConnect' ? {} : { lazyConnect: true }) });
    client.on('error', () => undefined);
    try {
      expect(await tourOf(client)).toEqual(await tourOf(PLACE));
    } finally {
      client.disconnect();
    }
  });

  test('all of them at once', async () => {
    expect(await tourOf({ ...HOSTILE, ...PLACE } as RedisOptions)).toEqual(await tourOf(PLACE));
  });
});

describe('a client that is passed in', () => {
  test('may be subscribed: its own connection stays as it is, and the duplicate is not', async () => {
    const client = new Redis({ ...PLACE, protocol: 2 });
    await client.subscribe('news');
    expect(client.mode).toBe('subscriber');
    expect(await tourOf(client)).toEqual(await tourOf(PLACE));
    expect(client.mode).toBe('subscriber');
    client.disconnect();
  });

  test('may be a monitor', async () => {
    // A client becomes confused if it begins to be a monitor while others send commands.
    await using server = await redis();
    const client = await new Redis(server.url).monitor();
    expect(await tourOf(client)).toEqual(await tourOf(PLACE));
    client.disconnect();
  });

  test('may be of another copy of ioredis, and is where that one says', async () => {
    const other = anotherIoredis();
    const client = new other.Redis({ ...PLACE, db: 5, stringNumbers: true });
    expect(client).not.toBeInstanceOf(Redis);
    const namespace = freshNamespace();
    expect(await tourOf(client, namespace)).toEqual(await tourOf(PLACE));
    expect(await client.exists(`{${namespace}:0}:chain`)).toBe('1');
    client.disconnect();
  });

  test('is refused by name where it changes what commands answer, in whatever way', async () => {
    const client = new Redis(PLACE);
    const duplicate = client.duplicate.bind(client);
    Reflect.set(client, 'duplicate', (override: RedisOptions) => {
      const twin = duplicate(override);
      Reflect.set(twin, 'callBuffer', twin.call.bind(twin));
      return twin;
    });
    await expect(tourOf(client)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        `The client of Redis at ${PLACE.host}:${PLACE.port} changes what commands are sent, or what they answer`,
      ),
    });
    client.disconnect();
  });
});

describe('a transformer of ioredis, which belongs to all clients of a process,', () => {
  test.each(['evalsha', 'eval', 'hget', 'hscan', 'hkeys', 'hdel', 'info', 'config'])(
    'of %s does not change what a staging store sends, or is answered',
    async (command) => {
      const { reply, argument } = Reflect.get(Command, '_transformer') as Record<string, Record<string, unknown>>;
      Command.setReplyTransformer(command, () => 'something else');
      Command.setArgumentTransformer(command, () => ['something else']);
      try {
        expect(await tourOf(PLACE)).toEqual(await tourOf({ ...PLACE, keyPrefix: '' }));
      } finally {
        delete reply?.[command];
        delete argument?.[command];
      }
    },
  );

  test('of EVALSHA is refused by name', async () => {
    const { reply } = Reflect.get(Command, '_transformer') as Record<string, Record<string, unknown>>;
    Command.setReplyTransformer('EVALSHA', () => ['0']);
    try {
      await expect(tourOf(PLACE)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('set no transformers of ioredis for EVAL and EVALSHA'),
      });
    } finally {
      delete reply?.['EVALSHA'];
    }
  });
});

describe('a database that the server does not have', () => {
  test.each(['URL', 'options', 'client'])('is refused, and nothing is staged into database 0 (%s)', async (given) => {
    await using server = await redis();
    const client = new Redis({ port: server.port, db: 99, lazyConnect: true });
    const targets = { URL: `${server.url}/99`, options: { port: server.port, db: 99 }, client };
    await expect(tourOf(targets[given as keyof typeof targets])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /^Redis at \S+ does not give the database 99 \(ERR DB index is out of range\)\. Take another database/u,
      ),
    });
    const eye = new Redis(server.url);
    expect(await eye.dbsize()).toBe(0);
    eye.disconnect();
  });

  test('nor any more, after a restart with fewer: calls say so, and nothing goes to database 0', async () => {
    await using server = await redis();
    const store = await openRedisStaging({ redis: `${server.url}/12`, shards: 1 });
    await server.kill9();
    await server.restart({ databases: '4' });
    await expect
      .poll(async () => store.stats().catch((error: unknown) => String(error)), { timeout: 30_000 })
      .toContain('is not connected (ERR DB index is out of range); nothing was staged');
    const eye = new Redis(server.url);
    expect(await eye.dbsize()).toBe(0);
    eye.disconnect();
    await store.close();
  });

  test('is taken where the server has it', async () => {
    expect(await tourOf(`${sharedRedisUrl()}/7`)).toEqual(await tourOf(PLACE));
  });
});
