import { setTimeout as pause } from 'node:timers/promises';
import { defineEntity, type InferEntity, MikroORM, type Options, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, redis, sharedRedisUrl, TcpProxy, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  spillway,
  Spillway,
  SpillwayError,
  type SpillwayOptions,
  type StagingFactory,
  WriteBehind,
} from '../../../src/index.js';
import { SCRIPTS } from '../../../src/staging/redis/scripts.js';
import { memoryStaging, openRedisStaging } from '../../../src/testing/index.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const Product = defineEntity({
  name: 'Product',
  tableName: 'opened_product',
  properties: { id: p.integer().primary(), name: p.string(), stock: p.integer().default(0) },
});
WriteBehind<InferEntity<typeof Product>>({ counters: ['stock'] })(Product.class);

let db: Database;
beforeAll(async () => {
  db = await database();
});
afterAll(async () => db.drop());

async function ormOver(options: Partial<SpillwayOptions>): Promise<MikroORM> {
  const settings: Partial<SpillwayOptions> = { tables: { ensure: true }, stageTimeout: '300ms', ...options };
  const given: Options = {
    entities: [Product],
    clientUrl: db.url,
    extensions: [spillway({ namespace: freshNamespace(), ...settings })],
  };
  const orm = await MikroORM.init(given);
  await orm.schema.update({ safe: true });
  return orm;
}

/** Far above all deadlines, and far below for ever. */
async function ending<T>(promise: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const tooLong = pause(30_000, undefined, { signal: ended.signal }).then(() => {
    throw new Error('It goes on for more than 30 s');
  });
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    ended.abort();
    tooLong.catch(() => undefined);
  }
}

describe('where Redis cannot be opened, flush(), health() and stop() end, and name it', () => {
  test.each([
    ['no sentinel answers', '"shop" by the sentinel 127.0.0.1:PORT'],
    ['a frozen server', '127.0.0.1:PORT cannot be reached (it accepts connections, but was not ready'],
    ['a staging function that never answers', 'the option "staging" gives has made no staging store within 10 s'],
  ])('%s', async (what, named) => {
    await using server = await redis();
    const targets: Record<string, Partial<SpillwayOptions>> = {
      'no sentinel answers': { redis: { sentinels: [{ host: '127.0.0.1', port: server.port }], name: 'shop' } },
      'a frozen server': { redis: server.url },
      'a staging function that never answers': { staging: async () => new Promise(() => undefined) },
    };
    const orm = await ormOver(targets[what] ?? {});
    server.pause();
    const em = orm.em.fork();
    em.create(Product, { id: 1, name: 'tea' });
    const error = await ending(em.flush().catch((thrown: unknown) => thrown));
    expect(error).toMatchObject({ code: 'STAGING_UNAVAILABLE' });
    expect(String(error)).toContain(named.replace('PORT', String(server.port)));
    const health = await ending(Spillway.of(orm).health());
    expect(health).toMatchObject({ status: 'down', problems: [expect.stringContaining('STAGING_UNAVAILABLE')] });
    // While it is being opened.
    const flushing = em.flush().catch((thrown: unknown) => thrown);
    expect(await ending(Spillway.of(orm).stop({ timeout: '1s' }))).toEqual({ left: undefined });
    expect(await ending(flushing)).toMatchObject({ code: expect.stringMatching(/^STAGING_UNAVAILABLE|STOPPED$/u) });
    server.resume();
    await ending(orm.close());
  });
});

describe('an answer that is lost while a process opens leaves nothing in doubt', () => {
  test.each([
    ['its look at the server', 'maxmemory-policy'],
    ['its look at what is staged', SCRIPTS.stats.sha],
    ['the adoption of a shard', SCRIPTS.adopt.sha],
  ])('%s', async (_, text) => {
    await using proxy = await TcpProxy.before(sharedRedisUrl());
    const namespace = freshNamespace();
    const orm = await ormOver({ redis: proxy.url, namespace, shards: 1, worker: false });
    await orm.em.getConnection().execute('insert into opened_product values (7, ?, 0) on conflict do nothing', ['tea']);
    const lost = proxy.lose('answer', text);
    const service = Spillway.of(orm);
    const error: unknown = await service.patch(Product, 7, { name: 'coffee' }).catch((thrown: unknown) => thrown);
    await lost;
    expect(error).toMatchObject({
      code: 'STAGING_UNAVAILABLE',
      message: expect.stringMatching(
        /has not answered while .* opened; nothing was staged\. Try again when it is back/u,
      ),
    });
    expect(error).not.toHaveProperty('retry');
    expect((await service.status()).pending).toEqual({});
    // What was refused can be called again, and is applied once.
    await service.increment(Product, 7, { stock: 1 });
    expect((await service.status()).pending).toEqual({ Product: 1 });
    await service.drain();
    expect(await orm.em.fork().findOne(Product, 7)).toMatchObject({ name: 'tea' });
    await orm.close();
  });
});

test('an answer that is lost while a shard is adopted anew leaves nothing in doubt either', async () => {
  const store = memoryStaging({ shards: 1 });
  let isSilent = false;
  const adopt: StagingStore['adopt'] = async (shard, token) => {
    if (isSilent) throw new SpillwayError('STAGING_TIMEOUT', 'nothing came back');
    return store.adopt(shard, token);
  };
  const staging = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = name === 'adopt' ? adopt : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const orm = await ormOver({ staging, worker: false, stageTimeout: '50ms' });
  const service = Spillway.of(orm);
  await service.start();
  await store.empty(0, { kind: 'all' }, 'T0');
  isSilent = true;
  const error: unknown = await service.patch(Product, 7, { name: 'coffee' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'STAGING_UNAVAILABLE', message: expect.stringContaining('nothing was staged') });
  isSilent = false;
  await service.patch(Product, 7, { name: 'coffee' });
  expect((await service.status()).pending).toEqual({ Product: 1 });
  await orm.close();
});

/** Tells when a method of these is called. */
function noting(store: StagingStore, methods: readonly string[], note: () => void): StagingStore {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(value, target, args);
        if (methods.includes(String(name))) note();
        return answer;
      };
    },
  });
}

const MAY_HAVE =
  /^Spillway was stopped before the staging store had answered: what it was asked may have happened\. What is staged/u;

test('a process without the option "shards" takes the number with which its namespace was made', async () => {
  const namespace = freshNamespace();
  for (const [id, shards] of [
    [70, { shards: 3 }],
    [71, {}],
    [72, { shards: 3 }],
  ] as const) {
    const orm = await ormOver({ redis: sharedRedisUrl(), namespace, ...shards, worker: false });
    const em = orm.em.fork();
    em.create(Product, { id, name: 'tea' });
    await em.flush();
    await Spillway.of(orm).drain();
    expect(await orm.em.fork().count(Product, { id })).toBe(1);
    await orm.close();
  }
  const orm = await ormOver({ redis: sharedRedisUrl(), namespace, shards: 16, worker: false });
  await expect(Spillway.of(orm).start()).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
  await orm.close();
});

describe('what our own end cuts off is STOPPED', () => {
  test.each(['a flush', 'patch()', 'a look-up'])(
    '%s that waits for a frozen Redis when the ORM is closed',
    async (what) => {
      await using server = await redis();
      const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>();
      const staging: StagingFactory = async (own) =>
        noting(await openRedisStaging({ redis: server.url, ...own }), ['stage', 'peek'], noteAsked);
      const orm = await ormOver({ staging, shards: 1, worker: false, stageTimeout: '1m' });
      const service = Spillway.of(orm);
      await service.start();
      const em = orm.em.fork();
      em.create(Product, { id: 1, name: 'tea' });
      server.pause();
      const acts: Record<string, () => Promise<unknown>> = {
        'a flush': async () => em.flush(),
        'patch()': async () => service.patch(Product, 7, { name: 'coffee' }),
        'a look-up': async () => orm.em.fork().findOne(Product, 7),
      };
      const cutOff = acts[what]?.().catch((thrown: unknown) => thrown);
      await asked;
      await ending(service.stop({ timeout: '1s', drain: false }));
      // Before the server goes on: then it answers that it does not have the script, and nothing is in doubt.
      const error = await ending(Promise.resolve(cutOff));
      server.resume();
      expect(error).toMatchObject({
        code: 'STOPPED',
        message: expect.stringMatching(what === 'a look-up' ? /Spillway (?:was|has been) stopped/u : MAY_HAVE),
      });
      await ending(orm.close());
    },
  );
});
