import type { MikroORM } from '@mikro-orm/postgresql';
import { eventually, freshNamespace, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, type SpillwayEvent, type SpillwayOptions } from '../../../src/index.js';
import { Customer, Note, Order, Product, shopDatabase, shopOrm } from '../mikro-orm/shop.js';

let db: Database;
let namespace: string;
let orm: MikroORM;
const others: MikroORM[] = [];

beforeEach(async () => {
  db = await shopDatabase();
  namespace = freshNamespace('pause');
  orm = await shopOrm(db.url, { namespace });
});

afterEach(async () => {
  await Promise.all([orm, ...others.splice(0)].map((each) => each.close()));
  await db.drop();
});

/** Another process of the namespace. */
async function another(settings: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
  const other = await shopOrm(db.url, { namespace, ...settings });
  others.push(other);
  return other;
}

async function make(name: string, of: MikroORM = orm): Promise<Product> {
  const em = of.em.fork();
  const product = em.create(Product, { name });
  await em.flush();
  return product;
}

async function makeCustomer(name: string, of: MikroORM = orm): Promise<Customer> {
  const em = of.em.fork();
  const customer = em.create(Customer, { name });
  await em.flush();
  return customer;
}

/** As PostgreSQL has them, past Spillway. */
async function written(table: 'product' | 'customer' | 'customer_order'): Promise<number> {
  const [row] = await orm.em.getConnection().execute<{ count: number }[]>(`select count(*)::int from ${table}`);
  return row?.count ?? 0;
}

function heard(of: MikroORM): SpillwayEvent[] {
  const events: SpillwayEvent[] = [];
  Spillway.of(of).events$.subscribe((event) => {
    if (event.type === 'paused' || event.type === 'resumed') events.push(event);
  });
  return events;
}

describe('a paused entity', () => {
  test('is staged and read, and not written by any process, until it is resumed by any', async () => {
    const other = await another();
    await Spillway.of(other).start();
    await Spillway.of(orm).pause(Product);
    const product = await make('waits');
    await make('waits too', other);
    // The customers come later, and are written by both workers meanwhile.
    for (let n = 0; n < 5; n += 1) {
      const customer = await makeCustomer(`customer ${n}`, n % 2 === 0 ? orm : other);
      await Spillway.of(n % 2 === 0 ? orm : other).written(customer);
    }
    expect(await written('product')).toBe(0);
    expect(await other.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ name: 'waits' });
    expect((await Spillway.of(other).status()).pending).toEqual({ Product: 2 });
    await Spillway.of(other).resume(Product);
    await eventually(async () => expect(await written('product')).toBe(2));
    expect((await Spillway.of(orm).status()).pending).toEqual({});
  });

  test('stays paused when all processes have ended', async () => {
    await Spillway.of(orm).pause(Product);
    await make('waits');
    await orm.close();
    orm = await shopOrm(db.url, { namespace });
    await Spillway.of(orm).start();
    await Spillway.of(orm).written(await makeCustomer('goes on'));
    expect(await written('product')).toBe(0);
    expect((await Spillway.of(orm).status()).paused).toEqual({ all: false, entities: ['Product'] });
    await Spillway.of(orm).resume(Product);
    await eventually(async () => expect(await written('product')).toBe(1));
  });

  test('is named by status() and health(), which stays up', async () => {
    const service = Spillway.of(orm);
    expect((await service.status()).paused).toEqual({ all: false, entities: [] });
    await service.pause(Product);
    await service.pause(Customer);
    await service.pause();
    await service.pause();
    const paused = { all: true, entities: ['Customer', 'Product'] };
    expect((await service.status()).paused).toEqual(paused);
    expect(await service.health()).toMatchObject({ status: 'up', paused });
    await service.resume();
    await service.resume(Product);
    await service.resume(Product);
    expect((await service.health()).paused).toEqual({ all: false, entities: ['Customer'] });
  });

  test('is told by events, in each process that flushes', async () => {
    const other = await another();
    const [here, there] = [heard(orm), heard(other)];
    await Spillway.of(orm).pause(Product);
    await Spillway.of(orm).pause();
    expect(here).toEqual([
      { type: 'paused', cause: 'operator', entity: 'Product' },
      { type: 'paused', cause: 'operator' },
    ]);
    await makeCustomer('waits', other);
    await eventually(() => expect(there).toHaveLength(2));
    await Spillway.of(orm).resume();
    await Spillway.of(orm).resume(Product);
    await eventually(() => expect(here).toHaveLength(4));
    expect(here.slice(2)).toEqual([{ type: 'resumed' }, { type: 'resumed', entity: 'Product' }]);
  });

  test('has its drain answer at once with what is left', async () => {
    const service = Spillway.of(orm);
    await service.pause(Product);
    await make('waits');
    const customer = await makeCustomer('goes on');
    await service.written(customer);
    // It has come back from a flush by now: no drain tries it again.
    await eventually(async () => expect((await service.status()).inFlight).toBe(0));
    expect(await service.drain(Product)).toEqual({ left: 1 });
    expect(await service.drain()).toEqual({ left: 1 });
    expect(await service.drain(Customer)).toEqual({ left: 0 });
    await expect(service.drain(Product, { until: 'written' })).rejects.toThrow(
      'Product is paused, so what is staged of the table product is not written. Nothing is lost, it stays staged. ' +
        'Spillway.of(orm).resume(Product) goes on [DRAIN_TIMEOUT]',
    );
    expect(await written('product')).toBe(0);
  });

  test('has written() reject at once', async () => {
    const service = Spillway.of(orm);
    await service.pause(Product);
    const product = await make('waits');
    await expect(service.written(product, { timeout: '10m' })).rejects.toMatchObject({
      code: 'WRITE_TIMEOUT',
      message: expect.stringContaining('Product is paused'),
    });
    await service.resume(Product);
    await service.written(product);
    expect(await written('product')).toBe(1);
  });

  test('has written() reject also in a process that has not heard of the pause', async () => {
    const other = await another();
    const product = await make('waits', other);
    await Spillway.of(other).written(product);
    await Spillway.of(orm).pause(Product);
    const em = other.em.fork();
    const changed = await em.findOneOrFail(Product, product.id);
    changed.name = 'changed';
    await em.flush();
    await expect(Spillway.of(other).written(changed, { timeout: '10m' })).rejects.toMatchObject({
      code: 'WRITE_TIMEOUT',
    });
  });

  test('has its queries fail at once, and those of others not', async () => {
    await Spillway.of(orm).pause(Product);
    await make('waits');
    const em = orm.em.fork();
    await expect(em.count(Product)).rejects.toMatchObject({
      code: 'DRAIN_TIMEOUT',
      message: expect.stringContaining('Product is paused'),
    });
    await makeCustomer('goes on');
    expect(await em.count(Customer)).toBe(1);
    expect(await em.count(Note)).toBe(0);
    await Spillway.of(orm).resume(Product);
    expect(await em.count(Product)).toBe(1);
  });

  test('has a statement by a condition refused, and one by key in a transaction promote its row', async () => {
    await Spillway.of(orm).pause(Product);
    const product = await make('waits');
    const em = orm.em.fork();
    await expect(em.nativeUpdate(Product, { views: 0 }, { name: 'by SQL' })).rejects.toThrow('Product is paused');
    await em.transactional(async (inner) => {
      await expect(inner.nativeUpdate(Product, { views: 0 }, { name: 'by SQL' })).rejects.toThrow('Product is paused');
      (await inner.findOneOrFail(Product, product.id)).name = 'promoted';
    });
    expect(await em.getConnection().execute('select name from product')).toEqual([{ name: 'promoted' }]);
    await Spillway.of(orm).resume(Product);
    expect((await Spillway.of(orm).drain()).left).toBe(0);
    expect(await em.getConnection().execute('select name from product')).toEqual([{ name: 'promoted' }]);
  });

  test('holds up new rows that refer to its new rows, without blame, and not those that refer to older ones', async () => {
    const service = Spillway.of(orm);
    const [older, customer] = [await make('older'), await makeCustomer('customer')];
    await service.drain();
    await service.pause(Product);
    const em = orm.em.fork();
    const young = em.create(Product, { name: 'young' });
    em.create(Order, { product: em.getReference(Product, older.id), customer: customer.id, status: 'goes' });
    await em.flush();
    em.create(Order, { product: young, customer: customer.id, status: 'waits' });
    await em.flush();
    await eventually(async () => expect(await written('customer_order')).toBe(1));
    await makeCustomer('goes on');
    await eventually(async () => expect(await written('customer')).toBe(2));
    expect((await service.status()).dead).toBe(0);
    await service.resume(Product);
    await eventually(async () => expect(await written('customer_order')).toBe(2));
    expect((await service.status()).dead).toBe(0);
  });

  test('stays pending when its process stops, which does not wait for it', async () => {
    await Spillway.of(orm).pause();
    await make('waits');
    expect(await Spillway.of(orm).stop()).toEqual({ left: 1 });
    orm = await shopOrm(db.url, { namespace });
    await Spillway.of(orm).resume();
    expect(await written('product')).toBe(0);
    await Spillway.of(orm).start();
    await eventually(async () => expect(await written('product')).toBe(1));
  });

  test('keeps reshard() from beginning', async () => {
    await Spillway.of(orm).pause(Product);
    await make('waits');
    await expect(Spillway.of(orm).reshard({ shards: 32 })).rejects.toThrow(
      'reshard() has to write everything that is staged, and paused is: Product. Call resume() before [CONFIG_INVALID]',
    );
    await Spillway.of(orm).resume(Product);
    await eventually(async () => expect(await written('product')).toBe(1));
  });
});

test('an entity without a policy is refused', async () => {
  await expect(Spillway.of(orm).pause(Note)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('Note is not written behind'),
  });
});

test('pauses and resumes under traffic of two processes lose nothing', async () => {
  const other = await another();
  const both = [orm, other];
  const product = await make('counted');
  await Spillway.of(orm).written(product);
  const over = new AbortController();
  let added = 0;
  const adding = both.map(async (each) => {
    while (!over.signal.aborted) {
      await Spillway.of(each).increment(Product, product.id, { views: 1 });
      added += 1;
    }
  });
  for (let n = 0; n < 10; n += 1) {
    const by = n % 2 === 0 ? orm : other;
    await Spillway.of(by).pause(Product);
    await Spillway.of(by).resume(Product);
  }
  over.abort();
  await Promise.all(adding);
  await eventually(async () => expect((await Spillway.of(orm).status()).pending).toEqual({}));
  const [row] = await orm.em.getConnection().execute<{ views: number }[]>('select views from product');
  expect(row?.views).toBe(added);
});
