import { IsolationLevel, LockMode } from '@mikro-orm/core';
import { type MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import { eventually, freshNamespace, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, type SpillwayEvent, type SpillwayOptions } from '../../../src/index.js';
import { Customer, Note, Order, Product, shopDatabase, shopOrm } from './shop.js';

let db: Database;
let orm: MikroORM;
let settings: Partial<SpillwayOptions>;
let events: SpillwayEvent[];

beforeAll(async () => {
  db = await shopDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  // What is pending stays so until somebody promotes or drains it.
  settings = { namespace: freshNamespace(), worker: false };
  orm = await shopOrm(db.url, settings);
  await orm.em.fork().execute('truncate product, customer, customer_order, note restart identity cascade');
  events = [];
  Spillway.of(orm).events$.subscribe((event) => void events.push(event));
});

afterEach(() => orm.close());

const lagging = (): SpillwayEvent[] => events.filter(({ type }) => type === 'lagging');

async function stagedProduct(name = 'a'): Promise<Product> {
  const em = orm.em.fork();
  const product = em.create(Product, { name });
  await em.flush();
  return product;
}

async function writtenProduct(name = 'a'): Promise<Product> {
  const product = await stagedProduct(name);
  await Spillway.of(orm).drain();
  return product;
}

/** Somebody else changes the product: staged, not written. */
async function stage(id: string, change: (product: Product) => void): Promise<void> {
  const em = orm.em.fork();
  change(await em.findOneOrFail(Product, id));
  await em.flush();
}

/** The row as PostgreSQL has it, for everybody. */
async function row(id: string): Promise<{ name: string; views: number; version: number } | undefined> {
  const [found] = await orm.em.fork().execute('select name, views, version from product where id = ?', [id]);
  return found as never;
}

async function lock(em: SqlEntityManager, id: string): Promise<void> {
  await em.execute('select 1 from product where id = ? for update', [id]);
}

async function pending(): Promise<Readonly<Record<string, number>>> {
  const { pending: counts } = await Spillway.of(orm).status();
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

describe('what a transaction needs is written before its statement', () => {
  test('on a connection of its own, and stays written when the transaction is rolled back', async () => {
    const { id } = await stagedProduct();
    const failing = orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      expect(product.name).toBe('a');
      product.name = 'b';
      await em.flush();
      throw new Error('back');
    });
    await expect(failing).rejects.toThrow('back');
    expect(await row(id)).toEqual({ name: 'a', views: 0, version: 1 });
    expect(lagging()).toEqual([]);
  });

  test('in the transaction itself, if its own lock is what everybody else waits for, and counted once (H3)', async () => {
    const { id } = await writtenProduct();
    await orm.em.fork().transactional(async (em) => {
      await lock(em, id);
      await stage(id, (product) => {
        product.name = 'b';
        product.views += 5;
      });
      const product = await em.findOneOrFail(Product, id);
      expect([product.name, product.views]).toEqual(['b', 5]);
      product.name = 'c';
      product.views += 1;
      await em.flush();
      expect(await row(id)).toEqual({ name: 'a', views: 0, version: 1 });
    });
    expect(await row(id)).toEqual({ name: 'c', views: 6, version: 3 });
    expect(await pending()).toEqual({});
    expect(lagging()).toEqual([]);
  });
});

describe('C3: what a transaction has written is acknowledged by the ledger alone', () => {
  test('C3 (a) rolled back after promoting twice in one shard: nothing staged is lost', async () => {
    const { id } = await writtenProduct();
    const failing = orm.em.fork().transactional(async (em) => {
      await lock(em, id);
      await stage(id, (product) => void (product.name = 'b'));
      await em.findOneOrFail(Product, id);
      await stage(id, (product) => void (product.name = 'c'));
      expect((await em.findOneOrFail(Product, id, { refresh: true })).name).toBe('c');
      throw new Error('back');
    });
    await expect(failing).rejects.toThrow('back');
    expect(await row(id)).toMatchObject({ name: 'a', version: 1 });
    await Spillway.of(orm).drain();
    expect(await row(id)).toMatchObject({ name: 'c', version: 3 });
    expect(await pending()).toEqual({});
  });

  test('C3 (a) committed after promoting again and again: each change is applied once', async () => {
    const { id } = await writtenProduct();
    await orm.em.fork().transactional(async (em) => {
      await lock(em, id);
      for (let round = 1; round <= 3; round++) {
        await Spillway.of(orm).increment(Product, id, { views: 1 });
        expect((await em.findOneOrFail(Product, id, { refresh: true })).views).toBe(round);
      }
    });
    await Spillway.of(orm).drain();
    expect(await row(id)).toMatchObject({ views: 3 });
    expect(await pending()).toEqual({});
  });

  test('C3 (b) rolled back to a savepoint: what was promoted after it is still pending, what was before is written', async () => {
    const { id } = await writtenProduct();
    await orm.em.fork().transactional(async (em) => {
      await lock(em, id);
      await Spillway.of(orm).increment(Product, id, { views: 1 });
      await em.findOneOrFail(Product, id);
      const inner = em.transactional(async (nested) => {
        await Spillway.of(orm).increment(Product, id, { views: 10 });
        expect((await nested.findOneOrFail(Product, id, { refresh: true })).views).toBe(11);
        throw new Error('back');
      });
      await expect(inner).rejects.toThrow('back');
    });
    expect(await row(id)).toMatchObject({ views: 1 });
    expect(await pending()).toEqual({ Product: 1 });
    expect((await orm.em.fork().findOneOrFail(Product, id)).views).toBe(11);
    await Spillway.of(orm).drain();
    expect(await row(id)).toMatchObject({ views: 11 });
  });

  test('C3 (b) a savepoint before the first promotion: nothing of it is acknowledged with the outer commit', async () => {
    const { id } = await writtenProduct();
    await orm.em.fork().transactional(async (em) => {
      await lock(em, id);
      await Spillway.of(orm).increment(Product, id, { views: 1 });
      const inner = em.transactional(async (nested) => {
        await nested.findOneOrFail(Product, id);
        throw new Error('back');
      });
      await expect(inner).rejects.toThrow('back');
      expect((await em.findOneOrFail(Product, id, { refresh: true })).views).toBe(1);
    });
    await Spillway.of(orm).drain();
    expect(await row(id)).toMatchObject({ views: 1 });
    expect(await pending()).toEqual({});
  });

  test('C3 (c) COMMIT of a failed transaction, which is answered without an error: nothing is lost', async () => {
    const { id } = await writtenProduct();
    const em = orm.em.fork();
    await em.begin();
    await lock(em, id);
    await Spillway.of(orm).increment(Product, id, { views: 1 });
    await em.findOneOrFail(Product, id);
    await em.execute('select 1 / 0').catch(() => undefined);
    await em.commit();
    expect(await row(id)).toMatchObject({ views: 0 });
    expect(await pending()).toEqual({ Product: 1 });
    await Spillway.of(orm).drain();
    expect(await row(id)).toMatchObject({ views: 1 });
  });

  test('a transaction whose connection dies leaves what it promoted to the next flush', async () => {
    const { id } = await writtenProduct();
    // Kysely does not give such a connection back to its pool, so that its ORM cannot be closed.
    const other = await shopOrm(db.url, settings);
    const dying = other.em.fork();
    await dying.begin();
    await lock(dying, id);
    await Spillway.of(orm).increment(Product, id, { views: 1 });
    await dying.findOneOrFail(Product, id);
    const [{ pid }] = (await dying.execute('select pg_backend_pid() as pid')) as [{ pid: number }];
    await orm.em.fork().execute('select pg_terminate_backend(?)', [pid]);
    await expect(dying.commit()).rejects.toThrow(/terminat|not queryable/);
    await eventually(async () => {
      await Spillway.of(orm).drain();
      expect(await row(id)).toMatchObject({ views: 1 });
    });
    expect(await pending()).toEqual({});
  });
});

test('H6 (b) above read committed nothing is promoted inside: the transaction reads its snapshot and is told', async () => {
  const { id } = await writtenProduct();
  await orm.em.fork().transactional(
    async (em) => {
      await lock(em, id);
      await stage(id, (product) => void (product.name = 'b'));
      expect((await em.findOneOrFail(Product, id)).name).toBe('a');
    },
    { isolationLevel: IsolationLevel.REPEATABLE_READ },
  );
  expect(lagging()).toEqual([{ type: 'lagging', reason: 'transaction' }]);
  await Spillway.of(orm).drain();
  expect(await row(id)).toMatchObject({ name: 'b' });
});

test('a lock is taken after what is pending of its row has been written', async () => {
  const { id } = await stagedProduct();
  await orm.em.fork().transactional(async (em) => {
    const product = await em.findOneOrFail(Product, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
    await stage(id, (other) => void (other.name = 'b'));
    await em.lock(product, LockMode.PESSIMISTIC_WRITE);
    await em.refresh(product);
    expect(product.name).toBe('b');
  });
  expect(lagging()).toEqual([]);
});

test('a plain entity can refer to a staged row that only the transaction itself can write', async () => {
  const { id } = await writtenProduct();
  await orm.em.fork().transactional(async (em) => {
    await lock(em, id);
    await stage(id, (product) => void (product.name = 'b'));
    em.create(Note, { text: 'about it', product: id });
    await em.flush();
  });
  expect(await row(id)).toMatchObject({ name: 'b' });
  expect(lagging()).toEqual([]);
});

test('parents that are pending are written with what refers to them', async () => {
  const { id } = await writtenProduct();
  const em = orm.em.fork();
  const customer = em.create(Customer, { name: 'Ada' });
  await em.flush();
  const order = em.create(Order, { customer, product: id });
  await em.flush();
  await orm.em.fork().transactional(async (inside) => {
    await lock(inside, id);
    const found = await inside.findOneOrFail(Order, order.id);
    expect(found.customer.id).toBe(customer.id);
  });
  expect(lagging()).toEqual([]);
});

test('status() counts which way each change went, and why', async () => {
  const { id } = await stagedProduct();
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Product, id)).name = 'b';
  });
  const mixed = orm.em.fork();
  mixed.create(Note, { text: 'plain', product: mixed.create(Product, { name: 'mixed' }) });
  await mixed.flush();
  // What is pending of a row that a mixed flush refers to is written before it.
  const { id: referred } = await stagedProduct();
  const plain = orm.em.fork();
  plain.create(Note, { text: 'plain', product: referred });
  await plain.flush();
  await orm.em.fork().transactional(async (em) => {
    await lock(em, id);
    await stage(id, (product) => void (product.name = 'c'));
    await em.findOneOrFail(Product, id);
  });
  expect((await Spillway.of(orm).status()).writes).toEqual({
    Product: { staged: 3, promoted: 2, 'sql:transaction': 1, 'sql:mixed': 1, 'promoted-inside': 1 },
  });
});
