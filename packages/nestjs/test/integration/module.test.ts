import { MikroOrmModule } from '@mikro-orm/nestjs';
import { EntityManager, MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import {
  ConsoleLogger,
  Controller,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { Spillway, spillway, type SpillwayExtension, type SpillwayOptions } from '@spillway/core';
import {
  getSpillwayExtensionToken,
  getSpillwayToken,
  InjectSpillway,
  SpillwayModule,
  type SpillwayOptionsFactory,
} from '@spillway/nestjs';
import { memoryStaging } from '@spillway/core/testing';
import { anotherIoredis, database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Cart, createTables, Product, query, shopConfig } from './shop.js';

let db: Database;
let app: TestingModule | undefined;

beforeAll(async () => {
  db = await database();
  await createTables(db.url);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(() => db.drop());

describe('SpillwayModule.forRoot()', () => {
  test('beside a configuration that has the extension: injects the service, starts it, and writes what is left when the application closes', async () => {
    const { orm, service } = await open([ormModule([spillway(options())]), SpillwayModule.forRoot()]);
    const id = await stageProduct(orm, 'Kettle');
    await app?.close();
    app = undefined;
    expect(await names(id)).toEqual(['Kettle']);
    await expect(service.drain()).rejects.toThrow('Spillway has been stopped');
  });

  test("says in Nest's log what goes wrong, as an error of its own, though MikroORM's logger is Nest's", async () => {
    const log = new LevelLog();
    const { service } = await open([ormModule([spillway(options())]), SpillwayModule.forRoot()], log);
    await service.increment(Product, '018f3f0e-0000-7000-8000-000000000000', { views: 1 });
    await service.drain();
    const lines = log.lines.filter((line) => line.includes('dead letter'));
    expect(lines).toEqual([expect.stringContaining('error Spillway: Spillway: a change of Product 018f3f0e')]);
  });

  test('with options makes the extension, which the configuration takes by injection', async () => {
    const { orm, service } = await open([SpillwayModule.forRoot(options()), injectedOrmModule()]);
    const id = await stageProduct(orm, 'Toaster');
    await service.drain();
    expect(await names(id)).toEqual(['Toaster']);
  });

  test('refuses an option that it does not know', () =>
    expect(() =>
      build([SpillwayModule.forRoot({ redis: 'redis://x', debounce: '1s' } as never), injectedOrmModule()]),
    ).rejects.toThrow('Unknown option "debounce" in the options of spillway()'));

  test('refuses a Redis that is no place, and takes a client of another copy of ioredis', async () => {
    await expect(
      build([SpillwayModule.forRoot({ redis: { url: 'redis://x' } } as never), injectedOrmModule()]),
    ).rejects.toThrow('redis in the options of spillway() has an option that ioredis does not know: "url"');
    const client = new (anotherIoredis().Redis)(options().redis as string);
    const { orm, service } = await open([SpillwayModule.forRoot({ ...options(), redis: client }), injectedOrmModule()]);
    const id = await stageProduct(orm, 'Pan');
    await service.drain();
    expect(await names(id)).toEqual(['Pan']);
    client.disconnect();
  });

  test('refuses a readiness delay that leaves no time to write', () =>
    expect(() => SpillwayModule.forRoot({ shutdown: { grace: '5s', readinessDelay: '5s' } })).toThrow(
      'shutdown.readinessDelay in the options of SpillwayModule (5000 ms) leaves nothing of shutdown.grace (5000 ms)',
    ));

  test('says where to put the extension when the configuration has none', async () => {
    await expect(build([ormModule([]), SpillwayModule.forRoot()])).rejects.toThrow(
      'The configuration of MikroORM has no Spillway. Put spillway({ redis: … }) into extensions there',
    );
    await expect(build([ormModule([]), SpillwayModule.forRoot(options())])).rejects.toThrow(
      'Inject getSpillwayExtensionToken() into the factory of MikroOrmModule.forRootAsync()',
    );
  });

  test('is imported once: a second one for the same context is refused', async () => {
    @Module({ imports: [SpillwayModule.forRoot({ shutdown: { grace: '10s' } })] })
    class Again {}
    await expect(build([ormModule([spillway(options())]), SpillwayModule.forRoot(), Again])).rejects.toThrow(
      'SpillwayModule.forRoot() is imported 2 times for one context. It is global: import it once',
    );
  });
});

describe('SpillwayModule.forRootAsync()', () => {
  @Injectable()
  class RedisHolder {
    readonly client = new Redis(sharedRedisUrl(), { lazyConnect: true });
    async onModuleDestroy(): Promise<void> {
      await Promise.resolve(this.client.disconnect());
    }
  }
  @Module({ providers: [RedisHolder], exports: [RedisHolder] })
  class RedisModule {}

  @Injectable()
  class Factory implements SpillwayOptionsFactory {
    static readonly asked: (string | undefined)[] = [];
    createSpillwayOptions(contextName?: string): SpillwayOptions {
      Factory.asked.push(contextName);
      return options();
    }
  }
  @Module({ providers: [Factory], exports: [Factory] })
  class FactoryModule {}

  test('useFactory: is given a Redis client of another module, and leaves it open', async () => {
    const { orm, service } = await open([
      SpillwayModule.forRootAsync({
        imports: [RedisModule],
        inject: [RedisHolder],
        useFactory: ({ client }: RedisHolder) => ({ ...options(), redis: client }),
      }),
      injectedOrmModule(),
    ]);
    const id = await stageProduct(orm, 'Pan');
    await service.drain();
    expect(await names(id)).toEqual(['Pan']);
    await service.stop();
    const holder = app?.get(RedisHolder, { strict: false });
    expect(await holder?.client.ping()).toBe('PONG');
  });

  test.each([
    ['useClass', { useClass: Factory }],
    ['useExisting', { imports: [FactoryModule], useExisting: Factory }],
  ])('%s', async (_, way) => {
    const { orm, service } = await open([SpillwayModule.forRootAsync(way), injectedOrmModule()]);
    const id = await stageProduct(orm, 'Pot');
    await service.drain();
    expect(await names(id)).toEqual(['Pot']);
    expect(Factory.asked.at(-1)).toBeUndefined();
  });

  test.each([
    ['useClass', { useClass: Factory }],
    ['useExisting', { imports: [FactoryModule], useExisting: Factory }],
  ])('%s is told the name of its context', async (_, way) => {
    app = await Test.createTestingModule({
      imports: [SpillwayModule.forRootAsync({ contextName: 'second', ...way }), injectedOrmModule('second')],
    }).compile();
    await app.init();
    expect(Factory.asked.at(-1)).toBe('second');
    expect(await app.get<Spillway>(getSpillwayToken('second'), { strict: false }).health()).toMatchObject({
      status: 'up',
    });
  });

  test.each([
    ['none', {}],
    ['several', { useClass: Factory, useExisting: Factory }],
  ])('refuses %s of the three', (words, way) =>
    expect(() => SpillwayModule.forRootAsync(way)).toThrow(
      `SpillwayModule.forRootAsync() was given ${words} of useFactory, useClass and useExisting. Give one of them`,
    ),
  );
});

describe('SpillwayModule.forFeature()', () => {
  test('gives policies to entities that carry none, once however often its module is imported', async () => {
    @Module({ imports: [SpillwayModule.forFeature([[Cart, { debounce: '10ms', counters: ['items'] }]])] })
    class CartModule {}
    @Module({ imports: [CartModule] })
    class OtherModule {}
    const { orm, service } = await open([
      SpillwayModule.forRoot(options()),
      injectedOrmModule(),
      CartModule,
      OtherModule,
    ]);
    const em = orm.em.fork();
    const cart = em.create(Cart, {});
    await em.flush();
    await service.increment(Cart, cart.id, { items: 3 });
    await service.drain();
    expect(await query(db.url, `select items from cart where id = '${cart.id}'`)).toEqual([{ items: 3 }]);
  });

  test('twice with the same policy is one policy; with different ones it is refused', async () => {
    const feature = (debounce: `${number}ms`) => SpillwayModule.forFeature([[Cart, { debounce }]]);
    await open([SpillwayModule.forRoot(options()), injectedOrmModule(), feature('10ms'), feature('10ms')]);
    await app?.close();
    app = undefined;
    await expect(
      build([SpillwayModule.forRoot(options()), injectedOrmModule(), feature('10ms'), feature('20ms')]),
    ).rejects.toThrow('Cart has two policies that differ');
  });

  test('without a forRoot() that makes the extension is refused', () =>
    expect(
      build([ormModule([spillway(options())]), SpillwayModule.forRoot(), SpillwayModule.forFeature([[Cart, {}]])]),
    ).rejects.toThrow(
      'SpillwayModule.forFeature() has policies, but the extension was made in the configuration of MikroORM',
    ));
});

describe('several contexts', () => {
  test('have a Spillway each, injected by name', async () => {
    @Injectable()
    class Both {
      constructor(
        @InjectSpillway('first') readonly first: Spillway,
        @InjectSpillway('second') readonly second: Spillway,
      ) {}
    }
    const context = (contextName: string): Importable[] => [
      SpillwayModule.forRoot({ contextName, ...options() }),
      MikroOrmModule.forRootAsync({
        contextName,
        driver: PostgreSqlDriver,
        inject: [getSpillwayExtensionToken(contextName)],
        useFactory: (extension: SpillwayExtension) => shopConfig(db.url, [extension]),
      }),
    ];
    app = await Test.createTestingModule({
      imports: [...context('first'), ...context('second')],
      providers: [Both],
    }).compile();
    await app.init();
    const { first, second } = app.get(Both);
    expect(first).toBeInstanceOf(Spillway);
    expect(second).not.toBe(first);
    expect(app.get(getSpillwayToken('second'))).toBe(second);
    await first.increment(Product, 'd3f0c2e4-0000-4000-8000-000000000000', { views: 1 });
    expect((await first.status()).staged).toBe(1);
    expect((await second.status()).staged).toBe(0);
  });
});

describe('a testing module', () => {
  @Controller()
  class Products {
    constructor(
      @Inject(EntityManager) readonly em: EntityManager,
      @InjectSpillway() readonly service: Spillway,
    ) {}
  }

  test('may put another service in the place of Spillway', async () => {
    const stand = { start: async () => {}, stop: async () => ({ left: 0 }), stopWithin: () => {}, hasWorker: false };
    app = await Test.createTestingModule({
      imports: [ormModule([spillway(options())]), SpillwayModule.forRoot()],
      controllers: [Products],
    })
      .overrideProvider(Spillway)
      .useValue(stand)
      .compile();
    await app.init();
    expect(app.get(Products).service).toBe(stand);
  });
});

test('a testing module may stage in memory instead of Redis', async () => {
  app = await Test.createTestingModule({
    imports: [SpillwayModule.forRoot({ ...options(), redis: 'redis://nowhere.invalid' }), injectedOrmModule()],
  })
    .overrideProvider(getSpillwayExtensionToken())
    .useValue(spillway({ staging: memoryStaging(), tables: { ensure: true } }))
    .compile();
  await app.init();
  const id = await stageProduct(app.get(MikroORM), 'Wok');
  await app.get(Spillway).drain();
  expect(await names(id)).toEqual(['Wok']);
});

function options(): SpillwayOptions {
  return { redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true } };
}

function ormModule(extensions: SpillwayExtension[]): DynamicModule | Promise<DynamicModule> {
  return MikroOrmModule.forRoot(shopConfig(db.url, extensions));
}

function injectedOrmModule(contextName?: string): Promise<DynamicModule> {
  return MikroOrmModule.forRootAsync({
    ...(contextName !== undefined && { contextName }),
    driver: PostgreSqlDriver,
    inject: [getSpillwayExtensionToken(contextName)],
    useFactory: (extension: SpillwayExtension) => shopConfig(db.url, [extension]),
  }) as Promise<DynamicModule>;
}

type Importable = DynamicModule | Promise<DynamicModule> | Type<unknown>;

async function build(imports: Importable[]): Promise<void> {
  const built = await Test.createTestingModule({ imports }).compile();
  await built.close();
}

/** Nest's log, by level and name. */
class LevelLog extends ConsoleLogger {
  readonly lines: string[] = [];
  override log(message: unknown, name?: unknown): void {
    this.lines.push(`log ${String(name)}: ${String(message)}`);
  }
  override error(message: unknown, ...rest: unknown[]): void {
    this.lines.push(`error ${String(rest.at(-1))}: ${String(message)}`);
  }
}

async function open(imports: Importable[], logger?: LoggerService): Promise<{ orm: MikroORM; service: Spillway }> {
  const builder = Test.createTestingModule({ imports });
  if (logger) builder.setLogger(logger);
  app = await builder.compile();
  await app.init();
  return { orm: app.get(MikroORM), service: app.get(Spillway) };
}

async function stageProduct(orm: MikroORM, name: string): Promise<string> {
  const em = orm.em.fork();
  const product = em.create(Product, { name });
  await em.flush();
  return product.id;
}

async function names(id: string): Promise<unknown[]> {
  const rows = await query(db.url, `select name from product where id = '${id}'`);
  return rows.map(({ name }) => name);
}
