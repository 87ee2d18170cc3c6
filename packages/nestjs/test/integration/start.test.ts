import { MikroOrmModule } from '@mikro-orm/nestjs';
import { MikroORM } from '@mikro-orm/postgresql';
import { Logger, Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Spillway, spillway, type SpillwayOptions, type StartMode } from '@spillway/core';
import { SpillwayHealthIndicator, SpillwayModule, type SpillwayModuleOptions } from '@spillway/nestjs';
import { database, eventually, freshNamespace, postgres, redis, sharedRedisUrl } from '@spillway/test-support';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTables, Product, query, shopConfig } from './shop.js';

const db = await database();
await createTables(db.url);
afterAll(() => db.drop());

let warnings: string[] = [];
const apps: INestApplicationContext[] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((message: unknown) => void warnings.push(String(message)));
  vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  vi.restoreAllMocks();
});

interface Given {
  readonly url?: string;
  readonly own?: Partial<SpillwayOptions>;
  readonly module?: SpillwayModuleOptions;
}

function moduleOf({ url = db.url, own = {}, module: settings = {} }: Given): Type<unknown> {
  const extension = spillway({
    redis: sharedRedisUrl(),
    namespace: freshNamespace(),
    shards: 4,
    tables: { ensure: true },
    logger: { warn: (message) => void warnings.push(message), error: () => {} },
    ...own,
  });
  @Module({ imports: [MikroOrmModule.forRoot(shopConfig(url, [extension])), SpillwayModule.forRoot(settings)] })
  class WorkerModule {}
  return WorkerModule;
}

/** The worker of the README. */
async function worker(given: Given): Promise<INestApplicationContext> {
  const app = await NestFactory.createApplicationContext(moduleOf(given), { logger: false, abortOnError: false });
  apps.push(app);
  return app;
}

async function make(app: INestApplicationContext, name: string): Promise<string> {
  const em = app.get(MikroORM).em.fork();
  const product = em.create(Product, { name });
  await em.flush();
  return product.id;
}

async function namesOf(url: string): Promise<unknown[]> {
  return (await query(url, 'select name from product order by name')).map(({ name }) => name);
}

const readiness = async (app: INestApplicationContext) => (await app.get(SpillwayHealthIndicator).readiness()).spillway;

describe("start: 'lazy'", () => {
  test('an application starts while Redis is away, is not ready, says why, and becomes ready by itself', async () => {
    await using server = await redis();
    await server.kill9();
    const app = await worker({ own: { redis: server.url }, module: { start: 'lazy' } });
    expect(await readiness(app)).toMatchObject({ status: 'down', states: ['staging-silent'] });
    await eventually(() => expect(warnings.join()).toContain('Spillway cannot be opened yet'));
    await server.restart();
    await eventually(async () => expect(await readiness(app)).toMatchObject({ status: 'up' }));
    const id = await make(app, 'after all');
    await eventually(async () =>
      expect(await query(db.url, `select name from product where id = '${id}'`)).toEqual([{ name: 'after all' }]),
    );
  });

  test('a worker that stages nothing itself writes as soon as PostgreSQL is there', async () => {
    await using server = await postgres();
    await using own = await database({ url: server.url });
    await createTables(own.url);
    const namespace = freshNamespace();
    const web = await worker({ url: own.url, own: { namespace, worker: false } });
    await make(web, 'staged before');
    await server.kill9();
    const app = await worker({ url: own.url, own: { namespace }, module: { start: 'lazy' } });
    expect(await readiness(app)).toMatchObject({ status: 'down', states: ['database-unreachable'] });
    await server.restart();
    await eventually(async () => expect(await namesOf(own.url)).toEqual(['staged before']), { timeoutMs: 20_000 });
    expect(await readiness(app)).toMatchObject({ status: 'up' });
    await Promise.all(apps.splice(0).map((each) => each.close()));
  });

  test('an application that is closed before it could be opened ends at once, and tries no more', async () => {
    await using server = await redis();
    await server.kill9();
    const app = await worker({ own: { redis: server.url }, module: { start: 'lazy', shutdown: { grace: '1s' } } });
    await app.close();
    await expect(app.get(Spillway).start({ mode: 'lazy' })).rejects.toMatchObject({ code: 'STOPPED' });
  });

  test('is refused by name if it is anything else', () => {
    expect(() => SpillwayModule.forRoot({ start: 'later' as StartMode })).toThrow(
      "start in the options of SpillwayModule must be 'eager' or 'lazy' [CONFIG_INVALID]",
    );
    expect(() => SpillwayModule.forRootAsync({ start: 'later' as StartMode, useFactory: () => ({}) })).toThrow(
      "start in the options of SpillwayModule must be 'eager' or 'lazy'",
    );
  });
});

test("start: 'eager', which is the default: an application does not start without Redis", async () => {
  await using server = await redis();
  await server.kill9();
  await expect(worker({ own: { redis: server.url } })).rejects.toMatchObject({ code: 'STAGING_UNAVAILABLE' });
});

const HOOKS = 'Shutdown hooks are off';
/** No test but those of hooks cares whether they are on. */
const besidesHooks = (): string[] => warnings.filter((message) => !message.includes(HOOKS));

describe('shutdown hooks', () => {
  /** Lets the time of the check pass. Nothing else that waits here has a time-out of its own. */
  async function warnedOf(start: () => Promise<INestApplicationContext>): Promise<string[]> {
    const listeners = process.rawListeners('SIGTERM');
    process.removeAllListeners('SIGTERM');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const app = await start();
      vi.advanceTimersByTime(60_000);
      vi.useRealTimers();
      await app.close();
    } finally {
      vi.useRealTimers();
      for (const listener of listeners) process.on('SIGTERM', listener as NodeJS.SignalsListener);
    }
    return warnings.filter((message) => message.includes(HOOKS));
  }

  async function server(enable: 'before' | 'after' | 'never'): Promise<INestApplicationContext> {
    const app = await NestFactory.create(moduleOf({}), { logger: false, abortOnError: false });
    if (enable === 'before') app.enableShutdownHooks();
    await app.listen(0, '127.0.0.1');
    if (enable === 'after') app.enableShutdownHooks();
    return app;
  }

  test.each(['before', 'after'] as const)('that are enabled %s the application listens are on', async (enable) => {
    expect(await warnedOf(() => server(enable))).toEqual([]);
  });

  test('of an application context are on, though they can only be enabled after its start', async () => {
    expect(await warnedOf(async () => (await worker({})).enableShutdownHooks())).toEqual([]);
  });

  test.each([
    ['an application', () => server('never')],
    ['an application context', () => worker({})],
  ])('of %s that nobody has enabled are warned of', async (_, start) => {
    expect(await warnedOf(start)).toEqual([expect.stringContaining('Call app.enableShutdownHooks() as soon as')]);
  });
});

describe('an application that is closed twice', () => {
  test('warns of nothing the second time', async () => {
    const app = await worker({});
    await make(app, 'once');
    await app.close();
    await app.close();
    expect(besidesHooks()).toEqual([]);
    expect(await namesOf(db.url)).toContain('once');
  });

  test('says once what stays staged', async () => {
    await query(db.url, 'alter table product rename column name to label');
    const app = await worker({ module: { shutdown: { grace: '1s' } } });
    await make(app, 'waits');
    await app.close();
    await app.close();
    await query(db.url, 'alter table product rename column label to name');
    expect(warnings.filter((message) => message.includes('still hold changes'))).toHaveLength(1);
    expect(warnings.join()).not.toContain('STOPPED');
  });

  test('is not warned where the application has closed the ORM itself', async () => {
    const app = await worker({});
    await app.get(MikroORM).close();
    await app.close();
    expect(besidesHooks()).toEqual([]);
  });
});

test('an ORM that is closed and connected again in an application goes on, and is written at the end', async () => {
  const app = await worker({});
  const orm = app.get(MikroORM);
  for (const round of ['1', '2']) {
    await orm.close();
    expect(await readiness(app)).toMatchObject({ status: 'down' });
    await orm.connect();
    await make(app, `again ${round}`);
    expect(await readiness(app)).toMatchObject({ status: 'up' });
  }
  await app.close();
  expect(besidesHooks()).toEqual([]);
  expect(await namesOf(db.url)).toEqual(expect.arrayContaining(['again 1', 'again 2']));
});
