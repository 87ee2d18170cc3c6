import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, redis, type Database, type PrivateRedis } from '@spillway/test-support';
import { IsInt } from 'class-validator';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { spillway, SpillwayError, type Spillway, type SpillwayOptions } from '../../../src/index.js';
import { openRedisStaging } from '../../../src/staging/redis/open-redis-staging.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { Heard, PASSWORD, VALUE } from './canaries.js';

const Item = defineEntity({
  name: 'Item',
  properties: {
    id: p.integer().primary(),
    name: p.string().nullable(),
    amount: p.integer().default(0),
    version: p.integer().version(),
  },
});
IsInt()(Item.class.prototype, 'amount');

let db: Database;
let server: PrivateRedis;
let admin: Redis;
let heard: Heard;
let orm: MikroORM | undefined;
let namespace: string;

beforeAll(async () => {
  db = await database();
  const plain = await MikroORM.init({ entities: [Item], clientUrl: db.url });
  await plain.schema.create();
  await plain.close();
});

beforeEach(async () => {
  heard = new Heard();
  namespace = freshNamespace();
  server = await redis({ requirepass: PASSWORD });
  admin = new Redis({ port: server.port, password: PASSWORD });
  admin.on('error', () => undefined);
});

afterEach(async () => {
  admin.disconnect();
  await orm?.close();
  orm = undefined;
  heard[Symbol.dispose]();
  await server.stop();
});

afterAll(async () => {
  await db.drop();
});

async function open(options: Partial<SpillwayOptions> = {}): Promise<Spillway> {
  orm = await MikroORM.init({
    entities: [Item],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: { port: server.port, host: '127.0.0.1', password: PASSWORD },
        namespace,
        shards: 4,
        stageTimeout: '300ms',
        tables: { ensure: true },
        logger: heard.logger,
        policies: [[Item.class, { mode: 'behind', debounce: 0, maxDelay: '20ms', validate: true }]],
        ...options,
      }),
    ],
  });
  return heard.listen(orm);
}

async function write(ids: readonly number[], amount: unknown = 1): Promise<unknown> {
  return heard.thrownBy('flush', async () => {
    const em = (orm as MikroORM).em.fork();
    for (const id of ids) em.create(Item, { id, name: VALUE, amount } as never);
    await em.flush();
  });
}

/** Every call that asks Redis something. */
async function askEverything(service: Spillway): Promise<void> {
  const em = (orm as MikroORM).em.fork();
  await heard.thrownBy('start', async () => service.start());
  await heard.thrownBy('patch', async () => service.patch(Item, 1, { name: VALUE }));
  await heard.thrownBy('increment', async () => service.increment(Item, 1, { amount: 1 }));
  await heard.thrownBy('findOne', async () => em.findOne(Item, 1));
  await heard.thrownBy('find', async () => em.find(Item, { amount: 1 }));
  await heard.thrownBy('insert', async () => em.insert(Item, { id: 900, name: VALUE, amount: 1 }));
  await heard.thrownBy('drain', async () => service.drain(undefined, { timeout: '200ms' }));
  await heard.thrownBy('pending', async () => service.pending(Item, 1));
  await heard.thrownBy('status', async () => service.status());
  await heard.thrownBy('letters', async () => service.deadLetters.list());
  await heard.thrownBy('transaction', async () =>
    em.transactional(
      async (inner) => {
        inner.create(Item, { id: 901, name: VALUE, amount: 1 } as never);
      },
      { spillway: 'stage' },
    ),
  );
  heard.note('health', await service.health());
}

describe('Redis that', () => {
  test('refuses the password, or has none, is told of without it', async () => {
    await admin.config('SET', 'requirepass', 'another');
    await askEverything(await open());
    expect(await write([1])).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(heard.leaks()).toEqual([]);
  });

  test.each(['evalsha', 'zadd', 'hget', 'auth'])(
    'lets nobody run %s is told of without what was sent',
    async (command) => {
      await admin.acl('SETUSER', 'default', `-${command}`);
      const service = await open();
      await write([1, 2, 3]);
      await askEverything(service);
      expect(heard.leaks()).toEqual([]);
    },
  );

  test('is full, read only, loading or busy', async () => {
    const service = await open();
    await write([1]);
    await admin.config('SET', 'maxmemory', '1');
    expect(await write([2, 3, 4, 5])).toMatchObject({ code: 'STAGING_FULL' });
    await askEverything(service);
    await admin.config('SET', 'maxmemory', '0');
    await admin.replicaof('127.0.0.1', 1);
    await write([6, 7]);
    await askEverything(service);
    expect(heard.leaks()).toEqual([]);
  });

  test('does not answer, and then is gone', async () => {
    const service = await open();
    await write([1]);
    server.pause();
    const error = await write([2, 3]);
    expect(error).toBeInstanceOf(SpillwayError);
    await heard.thrownBy('patch', async () => service.patch(Item, 1, { name: VALUE }));
    server.resume();
    await server.kill9();
    await write([4]);
    await askEverything(service);
    expect(heard.leaks()).toEqual([]);
  }, 120_000);

  test('has keys of another type, or records that are none, says so without them', async () => {
    const service = await open({ worker: false });
    await write([1, 2, 3, 4, 5, 6, 7, 8]);
    const keys = await admin.keys(`{${namespace}:*`);
    for (const key of keys.filter((each) => each.endsWith(':dirty')))
      for (const field of await admin.hkeys(key)) await admin.hset(key, field, `${VALUE}\n${PASSWORD}`);
    await write([1, 2]);
    await askEverything(service);
    await eventually(async () => {
      await service.drain();
      expect((await service.status()).dead).toBeGreaterThan(0);
    });
    expect(heard.events('dead-letter').length).toBeGreaterThan(0);
    for (const key of keys.filter((each) => each.endsWith(':due'))) await admin.set(key, `${VALUE} ${PASSWORD}`);
    await write([11, 12]);
    await askEverything(service);
    expect(heard.leaks()).toEqual([]);
  });
});

/** The staging store with each shard on a server of its own, of which one takes nothing. */
async function severalServers(): Promise<StagingStore> {
  const inner = await openRedisStaging({
    redis: { port: server.port, password: PASSWORD },
    namespace,
    shards: 4,
  });
  const stage: StagingStore['stage'] = async (group) => {
    const rows = group.units.flatMap(({ changes }) => changes.map(({ rowKey }) => rowKey));
    if (!rows.some((rowKey) => rowKey.includes('"100"'))) return inner.stage(group);
    const refusals = rows.map((rowKey) => ({ rowKey, reason: 'full' as const }));
    return { status: 'judged', units: group.units.map(() => ({ status: 'refused' as const, refusals })) };
  };
  const own: Partial<StagingStore> = { stage, serverOf: (shard) => shard };
  return new Proxy(inner, {
    get: (target, name) => {
      const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('an error with entities on it', () => {
  test('of a flush that was staged in part still has them, and shows them to nobody who prints it', async () => {
    const service = await open({ worker: false, redis: undefined as never, staging: async () => severalServers() });
    const error = await write(Array.from({ length: 20 }, (_, index) => index + 100));
    expect(error).toMatchObject({ code: 'STAGING_PARTIAL', staged: expect.any(Array) });
    expect((error as { staged: { name: string }[] }).staged[0]?.name).toBe(VALUE);
    await askEverything(service);
    expect(heard.leaks()).toEqual([]);
  });

  test('of validation still has what is wrong, and shows it to nobody who prints it', async () => {
    await open({ worker: false });
    const error = await write([1], VALUE);
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect((error as { errors: { value: unknown }[] }).errors[0]?.value).toBe(VALUE);
    expect(heard.leaks()).toEqual([]);
  });
});

describe('a URL with a password that was given to the wrong option', () => {
  const URL = `redis://user:${PASSWORD}@127.0.0.1:1/0`;
  const given = [
    { redis: URL, staging: URL },
    { staging: URL },
    { redis: `${PASSWORD}@host` },
    { redis: [URL] },
    ...['namespace', 'shards', 'policies', 'defaults', 'worker', 'enabled', 'leaveAfter', 'stageTimeout'].map(
      (name) => ({
        redis: 'redis://h',
        [name]: URL,
      }),
    ),
    ...['remember', 'acceptVolatile', 'cache', 'tables', 'logger', URL].map((name) => ({
      redis: 'redis://h',
      [name]: URL,
    })),
    { redis: 'redis://h', worker: { concurrency: URL } },
    { redis: 'redis://h', worker: { [URL]: 1 } },
    { redis: 'redis://h', tables: { schema: `${URL}${'x'.repeat(64)}` } },
    { redis: 'redis://h', defaults: { debounce: URL } },
    { redis: 'redis://h', defaults: { onFull: URL } },
    { redis: 'redis://h', defaults: { conflict: URL } },
    { redis: 'redis://h', policies: [[URL, {}]] },
    { redis: 'redis://h', policies: [[Item.class, { counters: URL }]] },
    { redis: 'redis://h', policies: [[Item.class, { [URL]: 1 }]] },
  ];

  test.each(given.map((options) => [Object.keys(options).join().replace(URL, 'a name'), options] as const))(
    'is not shown (%s)',
    async (_, options) => {
      const error = await heard.thrownBy('spillway', () => spillway(options as never));
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
      expect(heard.leaks()).toEqual([]);
    },
  );

  test('is not shown where it was given as a host', async () => {
    const service = await heard.thrownBy('open', async () => open({ redis: { host: URL, port: 1 } }));
    expect(service).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(heard.leaks()).toEqual([]);
  });

  test('or to a call', async () => {
    const service = await open({ worker: false });
    await heard.thrownBy('drain', async () => service.drain(undefined, { timeout: URL as never }));
    await heard.thrownBy('stopWithin', () => service.stopWithin(URL as never));
    await heard.thrownBy('find', async () => (orm as MikroORM).em.fork().find(Item, {}, { spillway: URL as never }));
    await heard.thrownBy('transaction', async () =>
      (orm as MikroORM).em.fork().transactional(async () => undefined, { spillway: URL as never }),
    );
    expect(heard.all.filter(({ said }) => said instanceof SpillwayError)).toHaveLength(4);
    expect(heard.leaks()).toEqual([]);
  });
});
