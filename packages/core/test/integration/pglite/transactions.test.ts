import { IsolationLevel, LockMode } from '@mikro-orm/core';
import type { MikroORM, SqlEntityManager } from '@mikro-orm/pglite';
import { freshNamespace, sharedRedisUrl } from '@spillway/test-support';
import { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, type SpillwayEvent } from '../../../src/index.js';
import { Customer, Note, Order, Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

const shop = pgliteShop();
let orm: MikroORM;
let events: SpillwayEvent[];

beforeEach(async () => {
  orm = await shop.orm();
  events = [];
  Spillway.of(orm).events$.subscribe((event) => void events.push(event));
});

const rows = async (id: string): Promise<unknown[]> => productRows(shop.pglite, id);

async function rename(id: string, name: string): Promise<void> {
  const em = orm.em.fork();
  em.assign(em.map(Product, { id, name: 'Kettle', views: 0, version: 1 } as never), { name });
  await em.flush();
}

async function names(em: SqlEntityManager): Promise<string[]> {
  const found = await em.fork({ keepTransactionContext: true }).find(Product, {}, { orderBy: { name: 1 } });
  return found.map(({ name }) => name);
}

describe('H12: a transaction that has the only connection', () => {
  test('writes what is pending in itself before its queries, of every shard, and again when more is staged', async () => {
    const ids = [await newProduct(orm, { name: 'a' })];
    await orm.em.fork().transactional(async (em) => {
      expect(await names(em)).toEqual(['a']);
      for (const name of ['b', 'c', 'd', 'e', 'f', 'g']) ids.push(await newProduct(orm, { name }));
      expect(await names(em)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
      await rename(ids[0] ?? '', 'z');
      expect(await em.count(Product, { name: 'z' })).toBe(1);
    });
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
    for (const id of ids) expect(await rows(id)).toHaveLength(1);
    expect(await Spillway.of(orm).status()).toMatchObject({ inFlight: 0, dead: 0 });
    expect(events.filter(({ type }) => type === 'lagging')).toEqual([]);
  });

  test('writes parents before their children', async () => {
    const product = await newProduct(orm);
    const staging = orm.em.fork();
    const customer = staging.create(Customer, { name: 'Ada' });
    await staging.flush();
    staging.create(Order, { customer, product: staging.getReference(Product, product) });
    await staging.flush();
    await orm.em.fork().transactional(async (em) => {
      expect(await em.find(Order, { status: 'placed' }, { populate: ['customer', 'product'] })).toHaveLength(1);
    });
    expect(await rows(product)).toHaveLength(1);
  });

  test('writes a row that gets a value which another pending row has given up', async () => {
    await shop.pglite.exec('create unique index one_name on customer (name)');
    try {
      const ids = [91, 92];
      const em = orm.em.fork();
      for (const [at, id] of ids.entries()) await em.insert(Customer, { id, name: `at ${at}` });
      await Spillway.of(orm).drain();
      await em.nativeUpdate(Customer, ids[1] ?? 0, { name: 'free' });
      await em.nativeUpdate(Customer, ids[0] ?? 0, { name: 'at 1' });
      const removed = orm.em.fork().transactional(async (inner) => {
        await inner.findOneOrFail(Customer, ids[0] ?? 0, { lockMode: LockMode.PESSIMISTIC_WRITE });
        return inner.find(Customer, {}, { orderBy: { name: 1 } });
      });
      expect((await removed).map(({ name }) => name)).toEqual(['at 1', 'free']);
      expect(events.filter(({ type }) => type === 'lagging')).toEqual([]);
    } finally {
      await shop.pglite.exec('drop index one_name');
    }
  });

  test('rolled back leaves what was staged before it staged', async () => {
    const id = await newProduct(orm);
    const failing = orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'Rolled back';
      await em.flush();
      expect(await names(em)).toEqual(['Rolled back']);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await rows(id)).toEqual([]);
    expect(await orm.em.fork().findOne(Product, id)).toMatchObject({ name: 'Kettle' });
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
    expect(await rows(id)).toMatchObject([{ name: 'Kettle' }]);
  });

  test('rolled back to a savepoint writes again what it needs', async () => {
    const id = await newProduct(orm);
    await orm.em.fork().transactional(async (em) => {
      const inner = em.transactional(async (part) => {
        expect(await names(part)).toEqual(['Kettle']);
        throw new Error('no');
      });
      await expect(inner).rejects.toThrow('no');
      expect(await names(em)).toEqual(['Kettle']);
    });
    expect(await rows(id)).toHaveLength(1);
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  });

  test('begun by hand does the same', async () => {
    const id = await newProduct(orm);
    const em = orm.em.fork();
    await em.begin();
    const product = await em.findOneOrFail(Product, { name: 'Kettle' }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    product.name = 'Cup';
    em.create(Note, { text: 'x', product });
    await em.commit();
    expect(await rows(id)).toMatchObject([{ name: 'Cup', version: 2 }]);
  });

  test('of any isolation, and one that only reads', async () => {
    await newProduct(orm);
    const read = async (em: SqlEntityManager): Promise<void> => expect(await names(em)).toEqual(['Kettle']);
    await orm.em.fork().transactional(read, { isolationLevel: IsolationLevel.SERIALIZABLE });
    await rename((await orm.em.fork().findOneOrFail(Product, { name: 'Kettle' })).id, 'Kettle');
    await orm.em.fork().transactional(read, { readOnly: true });
  });

  test('goes on with what the database does not take, and says that it lags', async () => {
    await shop.pglite.exec(`alter table product add constraint no_cups check (name <> 'Cup')`);
    await newProduct(orm);
    await newProduct(orm, { name: 'Cup' });
    await orm.em.fork().transactional(async (em) => {
      expect(await names(em)).toEqual(['Kettle']);
    });
    expect(events).toContainEqual({ type: 'lagging', reason: 'refused' });
    await shop.pglite.exec('alter table product drop constraint no_cups');
  });

  test('is the first thing that an ORM does', async () => {
    await orm.em.fork().transactional(async (em) => {
      expect(await names(em)).toEqual([]);
      await newProduct(orm);
      expect(await names(em)).toEqual(['Kettle']);
    });
  });

  test('keeps a worker waiting, who then goes on', async () => {
    orm = await shop.orm({ worker: { pollInterval: '5ms' } });
    const first = await newProduct(orm);
    await expect.poll(async () => rows(first)).toHaveLength(1);
    let second = '';
    await orm.em.fork().transactional(async (em) => {
      second = await newProduct(orm, { name: 'Cup' });
      expect(await em.execute('select name from product')).toEqual([{ name: 'Kettle' }]);
      expect(await names(em)).toEqual(['Cup', 'Kettle']);
    });
    await expect.poll(async () => (await Spillway.of(orm).status()).inFlight).toBe(0);
    expect(await rows(second)).toHaveLength(1);
  });
});

describe('what a transaction with the only connection cannot have', () => {
  test.each<[string, (product: Product) => Promise<unknown>]>([
    ['drain()', async () => Spillway.of(orm).drain()],
    ['written()', async (product) => Spillway.of(orm).written(product)],
    ['rejoin()', async () => Spillway.of(orm).rejoin()],
  ])('%s is refused at once, before anything is waited for', async (_, ask) => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'Cup' });
    await em.flush();
    const refused = { code: 'ONE_CONNECTION' };
    await expect(orm.em.fork().transactional(async () => ask(product))).rejects.toMatchObject(refused);
    await em.begin();
    await expect(ask(product)).rejects.toMatchObject(refused);
    await em.rollback();
    await ask(product);
  });

  test('pending changes under a session context, which are not its own to write', async () => {
    await newProduct(orm);
    const em = orm.em.fork();
    em.setSessionContext({ variables: { 'app.tenant': '1' } });
    await expect(em.transactional(async (inner) => inner.find(Product, {}))).rejects.toMatchObject({
      code: 'ONE_CONNECTION',
    });
    await Spillway.of(orm).drain();
    expect(await em.transactional(async (inner) => inner.count(Product))).toBe(1);
  });

  test('an engine that could not be opened before it', async () => {
    orm = await shop.orm({ tables: { schema: 'elsewhere' } });
    await expect(orm.em.fork().transactional(async (em) => em.find(Product, {}))).rejects.toMatchObject({
      code: 'ONE_CONNECTION',
      cause: { code: 'CONFIG_INVALID' },
    });
  });
});

async function emptied(namespace: string): Promise<void> {
  const redis = new Redis(sharedRedisUrl());
  await redis.del(await redis.keys(`*{${namespace}:*`));
  await redis.quit();
}

test('a Redis that is emptied meanwhile cannot be taken up again inside', async () => {
  const namespace = freshNamespace();
  orm = await shop.orm({ redis: 'shared', namespace });
  const id = await newProduct(orm);
  await Spillway.of(orm).drain();
  const em = orm.em.fork();
  await em.begin({ spillway: 'stage' });
  (await em.findOneOrFail(Product, id)).name = 'Cup';
  await emptied(namespace);
  await expect(em.flush()).rejects.toMatchObject({ code: 'ONE_CONNECTION' });
  await em.rollback();
  (await em.findOneOrFail(Product, id)).name = 'Cup';
  await em.flush();
  await Spillway.of(orm).drain();
  expect(await rows(id)).toMatchObject([{ name: 'Cup' }]);
});
