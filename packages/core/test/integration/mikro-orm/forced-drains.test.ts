import type { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, redis, type Database } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowKeyOf, shardOf, SHARDS_OF_NEW_NAMESPACES } from '../../../src/change/row-key.js';
import { Spillway } from '../../../src/index.js';
import { SCRIPTS } from '../../../src/staging/redis/scripts.js';
import { Customer, Order, Product, shopOrm } from './shop.js';

let db: Database;
let server: Awaited<ReturnType<typeof redis>>;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  server = await redis();
  orm = await shopOrm(db.url, { redis: server.url, namespace: freshNamespace(), worker: false });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await server[Symbol.asyncDispose]();
  await db.drop();
});

type Sent = readonly [command: string, first: string];

/** The names of the commands that Redis was sent meanwhile; what scripts call is not among them. */
async function commandsDuring(body: () => Promise<unknown>): Promise<string[]> {
  return (await sentDuring(body)).map(([command]) => command);
}

/** How often each script has been called meanwhile. */
async function scriptsDuring(body: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const scripts = new Map(Object.values(SCRIPTS).map(({ sha, name }) => [sha, name]));
  const called = Map.groupBy(await sentDuring(body), ([command, first]) => scripts.get(first) ?? command);
  return Object.fromEntries([...called].map(([name, calls]) => [name, calls.length]));
}

async function sentDuring(body: () => Promise<unknown>): Promise<readonly Sent[]> {
  const client = new Redis(server.url);
  const monitor = await client.monitor();
  const seen: Sent[] = [];
  const isOver = Promise.withResolvers<void>();
  monitor.on('monitor', (_time: string, [name = '', first = '']: string[], source: string) => {
    if (source === 'lua') return;
    if (first === 'over') isOver.resolve();
    else seen.push([name.toLowerCase(), first]);
  });
  await body();
  await client.echo('over');
  await isOver.promise;
  monitor.disconnect();
  client.disconnect();
  return seen;
}

async function forcedDrains(): Promise<Readonly<Record<string, number>>> {
  return (await Spillway.of(orm).status()).forcedDrains;
}

describe('a query', () => {
  test('costs one command in Redis while nothing of its types is pending, whatever else is', async () => {
    const em = orm.em.fork();
    em.create(Product, { name: 'pending' });
    await em.flush();
    await orm.em.fork().count(Customer);
    expect(await commandsDuring(async () => orm.em.fork().count(Customer))).toEqual(['evalsha']);
    expect(await commandsDuring(async () => orm.em.fork().find(Customer, { name: 'nobody' }))).toEqual(['evalsha']);
    expect(await forcedDrains()).toEqual({});
    const [row] = await em.getConnection().execute('select count(*)::int as rows from product');
    expect(row).toEqual({ rows: 0 });
  });

  test('of a type that refers to another one leaves what is pending of that one alone', async () => {
    expect(await commandsDuring(async () => orm.em.fork().count(Order, { status: 'open' }))).toEqual(['evalsha']);
  });

  test('is counted by entity and call where it has to wait', async () => {
    await Spillway.of(orm).drain();
    const change = async (): Promise<void> => {
      const em = orm.em.fork();
      em.create(Product, { name: 'counted' });
      await em.flush();
    };
    const read = (): ReturnType<MikroORM['em']['fork']> => orm.em.fork();
    await change();
    await read().find(Product, { name: 'counted' });
    await read().find(Product, { name: 'counted' });
    await change();
    await read().findOne(Product, { name: 'counted' });
    await change();
    await read().count(Product);
    await change();
    for await (const _ of read().stream(Product)) break;
    await change();
    await read().nativeDelete(Product, { name: 'counted' });
    expect(await forcedDrains()).toEqual({
      'Product.find': 1,
      'Product.findOne': 1,
      'Product.count': 1,
      'Product.stream': 1,
      'Product.nativeDelete': 1,
    });
  });
});

test('queries of one type at one time share their drains (H12)', async () => {
  await Spillway.of(orm).drain();
  const em = orm.em.fork();
  em.create(Product, { name: 'shared' });
  await em.flush();
  const countedBefore = Object.values(await forcedDrains()).reduce((all, count) => all + count, 0);
  let drains = 0;
  const off = Spillway.of(orm).on('drained', () => {
    drains += 1;
  });
  const counts = await Promise.all(
    Array.from({ length: 50 }, async () => orm.em.fork().count(Product, { name: 'shared' })),
  );
  off();
  expect(counts).toEqual(Array.from({ length: 50 }, () => 1));
  // The first one's own, and the one that all others have waited for.
  expect(drains).toBeLessThanOrEqual(2);
  const counted = Object.values(await forcedDrains()).reduce((all, count) => all + count, 0);
  expect(counted - countedBefore).toBe(50);
});

describe('drain() of everything', () => {
  /** What is pending is made due, claimed and acknowledged. */
  const OF_ONE_FLUSH = 3;

  test('asks where anything is pending, and nothing else where nothing is (H12)', async () => {
    await Spillway.of(orm).drain();
    const asked = await commandsDuring(async () => Spillway.of(orm).drain());
    expect(asked).toEqual(['evalsha']);
  });

  test('of one record asks no shard but its own (H12)', async () => {
    const em = orm.em.fork();
    em.create(Product, { name: 'alone' });
    await em.flush();
    const sent = await commandsDuring(async () => Spillway.of(orm).drain());
    expect(sent.length).toBeLessThanOrEqual(OF_ONE_FLUSH);
    const [row] = await em.getConnection().execute(`select count(*)::int as rows from product where name = 'alone'`);
    expect(row).toEqual({ rows: 1 });
  });

  test('of all shards asks each question of all of them in one call (H12)', async () => {
    await Spillway.of(orm).drain();
    const em = orm.em.fork();
    const shards = new Set<number>();
    while (shards.size < SHARDS_OF_NEW_NAMESPACES) {
      const { id } = em.create(Product, { name: 'everywhere' });
      shards.add(shardOf(rowKeyOf({ schema: 'public', table: 'product', key: [id] }), SHARDS_OF_NEW_NAMESPACES));
    }
    await em.flush();
    // Redis gets to know the scripts.
    await Spillway.of(orm).drain();
    for (const product of await em.find(Product, { name: 'everywhere' })) product.views += 1;
    await em.flush();
    expect(await scriptsDuring(async () => Spillway.of(orm).drain())).toEqual({
      'due-make': 1,
      claim: 1,
      acknowledge: 1,
    });
  });
});
