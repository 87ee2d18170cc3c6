import { LockMode, OptimisticLockError, type MikroORM } from '@mikro-orm/postgresql';
import { eventually, freshNamespace, loggedDatabase, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rowKeyOf, shardOf, SHARDS_OF_NEW_NAMESPACES } from '../../../src/change/row-key.js';
import { Spillway } from '../../../src/index.js';
import { Customer, Note, Order, Product, shopOrm } from './shop.js';

let db: LoggedDatabase;
/** Stages only, so that what is pending stays pending until a test drains it. */
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await shopOrm(db.url, { namespace: freshNamespace(), worker: false });
  await orm.schema.create();
  await Spillway.of(orm).start();
  // The first numbers of each sequence, so that tests count statements of flushes alone.
  const em = orm.em.fork();
  const customer = em.create(Customer, { name: 'first' });
  em.create(Order, { customer, product: em.create(Product, { name: 'first' }) });
  await em.flush();
  await Spillway.of(orm).drain();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function newProduct(values: Partial<Product> = {}): Promise<Product> {
  const em = orm.em.fork();
  const product = em.create(Product, { name: 'Kettle', ...values });
  await em.flush();
  return product;
}

function idInAnotherShardThan(id: string): string {
  const shard = (key: string): number =>
    shardOf(rowKeyOf({ schema: 'public', table: 'product', key: [key] }), SHARDS_OF_NEW_NAMESPACES);
  for (;;) {
    const other = crypto.randomUUID();
    if (shard(other) !== shard(id)) return other;
  }
}

describe('a flush of write-behind entities', () => {
  test('sends no SQL at all: not for inserts with relations and numbered keys, nor updates, nor deletes', async () => {
    const em = orm.em.fork();
    const statements = await db.statements.during(async () => {
      const customer = em.create(Customer, { name: 'Ada' });
      const product = em.create(Product, { name: 'Teapot', details: { colour: 'blue' } });
      const order = em.create(Order, { customer, product });
      await em.flush();
      order.status = 'paid';
      product.name = 'Tea pot';
      product.views += 3;
      await em.flush();
      em.remove(order);
      await em.flush();
    });
    expect(statements).toEqual([]);
  });

  test('asks for numbered keys once per block', async () => {
    const em = orm.em.fork();
    const statements = await db.statements.during(async () => {
      for (let i = 0; i < 300; i++) em.create(Customer, { name: `c${i}` });
      await em.flush();
    });
    expect(statements.filter((sql) => /nextval/.test(sql)).length).toBeLessThanOrEqual(2);
    expect(statements.filter((sql) => !/nextval/.test(sql))).toEqual([]);
  });

  test('leaves the entities as a written flush does: keys, versions and defaults set, and nothing left to flush', async () => {
    const em = orm.em.fork();
    const customer = em.create(Customer, { name: 'Ada' });
    const product = em.create(Product, { name: 'Teapot' });
    const order = em.create(Order, { customer, product });
    await em.flush();
    expect(customer.id).toBeGreaterThan(0);
    expect(customer.since).toBeInstanceOf(Date);
    expect(product.version).toBe(1);
    expect(order.changedAt).toBeInstanceOf(Date);
    expect(em.getUnitOfWork().getIdentityMap().values()).toEqual(expect.arrayContaining([customer, product, order]));
    em.getUnitOfWork().computeChangeSets();
    expect(em.getUnitOfWork().getChangeSets()).toEqual([]);
    product.name = 'Pot';
    await em.flush();
    expect(product.version).toBe(2);
  });

  test('is seen by key in every other entity manager at once, and reaches PostgreSQL by a drain', async () => {
    const em = orm.em.fork();
    const customer = em.create(Customer, { name: 'Grace' });
    const product = em.create(Product, { name: 'Mug', views: 5, details: { colour: 'red' } });
    const order = em.create(Order, { customer, product });
    await em.flush();

    const other = orm.em.fork();
    const found = await other.findOneOrFail(Order, order.id);
    expect(found.status).toBe('placed');
    expect(found.changedAt).toEqual(order.changedAt);
    expect(found.customer.id).toBe(customer.id);
    const seen = await other.findOneOrFail(Product, product.id);
    expect(seen).toMatchObject({ name: 'Mug', views: 5, details: { colour: 'red' }, version: 1 });
    other.getUnitOfWork().computeChangeSets();
    expect(other.getUnitOfWork().getChangeSets()).toEqual([]);

    await Spillway.of(orm).drain();
    const [row] = await orm.em
      .getConnection()
      .execute(
        'select p.name, p.views, p.details, p.version, o.status, c.name as customer from customer_order o join product p on p.id = o.product_id join customer c on c.id = o.customer_id where o.id = ?',
        [order.id],
      );
    expect(row).toEqual({
      name: 'Mug',
      views: 5,
      details: { colour: 'red' },
      version: 1,
      status: 'placed',
      customer: 'Grace',
    });
  });

  test('that repeats an earlier change of the row writes it once', async () => {
    const product = await newProduct();
    await Spillway.of(orm).drain();
    const statements = await db.statements.during(async () => {
      for (let i = 1; i <= 50; i++) {
        const em = orm.em.fork();
        const loaded = await em.findOneOrFail(Product, product.id);
        loaded.name = `name ${i}`;
        await em.flush();
      }
      await Spillway.of(orm).drain();
    });
    expect(statements.filter((sql) => sql.startsWith('update "product"')).length).toBe(1);
    expect(await orm.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ name: 'name 50', version: 51 });
  });

  test('of a stale writer is refused with OptimisticLockError, and the entity stays changed', async () => {
    const product = await newProduct();
    const first = orm.em.fork();
    const second = orm.em.fork();
    const mine = await first.findOneOrFail(Product, product.id);
    const stale = await second.findOneOrFail(Product, product.id);
    mine.name = 'mine';
    await first.flush();
    stale.name = 'stale';
    await expect(second.flush()).rejects.toThrow(OptimisticLockError);
    expect(stale.version).toBe(1);
    await expect(second.flush()).rejects.toThrow(OptimisticLockError);
    await second.refresh(stale);
    stale.name = 'fresh';
    await second.flush();
    await Spillway.of(orm).drain();
    expect(await orm.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ name: 'fresh', version: 3 });
  });

  test('counts views exactly, however many entity managers count at once', async () => {
    const product = await newProduct();
    await Spillway.of(orm).drain();
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        const em = orm.em.fork();
        const loaded = await em.findOneOrFail(Product, product.id);
        loaded.views += 1;
        await em.flush();
      }),
    );
    expect((await orm.em.fork().findOneOrFail(Product, product.id)).views).toBe(40);
    await Spillway.of(orm).increment(Product, product.id, { views: 2 });
    await Spillway.of(orm).drain();
    expect(await orm.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ views: 42, version: 1 });
  });

  test('that removes a row hides it at once and deletes it later; an insert and its delete never reach SQL', async () => {
    const product = await newProduct();
    const brief = await newProduct({ name: 'brief' });
    const em = orm.em.fork();
    em.remove(await em.findOneOrFail(Product, brief.id));
    await em.flush();
    await Spillway.of(orm).drain();
    const removing = orm.em.fork();
    removing.remove(await removing.findOneOrFail(Product, product.id));
    await removing.flush();
    expect(await orm.em.fork().findOne(Product, product.id)).toBeNull();
    await Spillway.of(orm).drain();
    const rows = await orm.em
      .getConnection()
      .execute('select id from product where id in (?, ?)', [product.id, brief.id]);
    expect(rows).toEqual([]);
    expect(db.statements.all().filter((sql) => sql.includes('insert') && sql.includes(brief.id))).toEqual([]);
  });
});

describe('queries', () => {
  test('that are no look-ups see everything that was staged before them', async () => {
    const name = `query ${freshNamespace()}`;
    const product = await newProduct({ name });
    expect(await orm.em.fork().find(Product, { name })).toHaveLength(1);
    const em = orm.em.fork();
    (await em.findOneOrFail(Product, product.id)).name = `${name} renamed`;
    await em.flush();
    expect(await orm.em.fork().count(Product, { name })).toBe(0);
    expect(await orm.em.fork().find(Product, { name: `${name} renamed` })).toHaveLength(1);
  });

  test('of a plain entity that joins one see it too', async () => {
    const product = await newProduct({ name: 'before' });
    const em = orm.em.fork();
    const note = em.create(Note, { text: 'about', product });
    await em.flush();
    const other = orm.em.fork();
    (await other.findOneOrFail(Product, product.id)).name = 'after';
    await other.flush();
    const found = await orm.em.fork().findOneOrFail(Note, note.id, { populate: ['product'] });
    expect(found.product?.$.name).toBe('after');
  });
});

describe('plain entities', () => {
  test('are written by MikroORM as without the extension', async () => {
    const em = orm.em.fork();
    let id = 0;
    const statements = await db.statements.during(async () => {
      const note = em.create(Note, { text: 'hello' });
      await em.flush();
      note.text = 'changed';
      await em.flush();
      id = note.id;
      em.remove(note);
      await em.flush();
    });
    expect(id).toBeGreaterThan(0);
    expect(statements.map((sql) => sql.split(' ')[0])).toEqual([
      'begin',
      'insert',
      'commit',
      'begin',
      'update',
      'commit',
      'begin',
      'delete',
      'commit',
    ]);
  });

  test('that refer to a staged row find it written, in one flush with it or later', async () => {
    const em = orm.em.fork();
    const product = em.create(Product, { name: 'mixed' });
    em.create(Note, { text: 'together', product });
    await em.flush();
    const staged = await newProduct({ name: 'staged' });
    const later = orm.em.fork();
    later.create(Note, { text: 'later', product: later.getReference(Product, staged.id) });
    await later.flush();
    const rows = await orm.em
      .getConnection()
      .execute('select p.name from note n join product p on p.id = n.product_id where p.id in (?, ?) order by p.name', [
        product.id,
        staged.id,
      ]);
    expect(rows).toEqual([{ name: 'mixed' }, { name: 'staged' }]);
  });

  test('in an explicit transaction take write-behind entities with them, and back', async () => {
    const product = await newProduct({ name: 'through' });
    await orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, product.id)).name = 'committed';
    });
    await expect(
      orm.em.fork().transactional(async (em) => {
        (await em.findOneOrFail(Product, product.id)).name = 'rolled back';
        await em.flush();
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await orm.em.fork().findOneOrFail(Product, product.id)).toMatchObject({ name: 'committed', version: 2 });
  });
});

describe('a transaction', () => {
  test('that reads by key, locked or not, sees what is pending of that row, and leaves other rows pending', async () => {
    const product = await newProduct({ name: 'before' });
    // A promotion may write more of its shard.
    const other = await newProduct({ id: idInAnotherShardThan(product.id) });
    await Spillway.of(orm).drain();
    const em = orm.em.fork();
    (await em.findOneOrFail(Product, product.id)).name = 'after';
    (await em.findOneOrFail(Product, other.id)).name = 'still pending';
    await em.flush();
    await orm.em.fork().transactional(async (inner) => {
      const locked = await inner.findOneOrFail(Product, product.id, { lockMode: LockMode.PESSIMISTIC_WRITE });
      expect(locked).toMatchObject({ name: 'after', version: 2 });
    });
    expect((await Spillway.of(orm).status()).pending).toEqual({ Product: 1 });
  });

  test('that reads a row whose parent is pending too has both written', async () => {
    const em = orm.em.fork();
    const order = em.create(Order, {
      customer: em.create(Customer, { name: 'parent' }),
      product: em.create(Product, { name: 'parent' }),
    });
    await em.flush();
    await orm.em.fork().transactional(async (inner) => {
      expect((await inner.findOneOrFail(Order, order.id)).status).toBe('placed');
    });
  });
});

describe('what is written by SQL', () => {
  test('adds to a counter that others have added to since it was loaded', async () => {
    const product = await newProduct({ name: 'counted', views: 10 });
    await Spillway.of(orm).drain();
    await orm.em.fork().transactional(async (em) => {
      const loaded = await em.findOneOrFail(Product, product.id);
      loaded.views += 5;
      await Spillway.of(orm).increment(Product, product.id, { views: 1 });
      await Spillway.of(orm).drain();
    });
    expect((await orm.em.fork().findOneOrFail(Product, product.id)).views).toBe(16);
  });

  test('of several rows at once adds to their counters too', async () => {
    const ids = [await newProduct({ views: 1 }), await newProduct({ views: 2 })].map(({ id }) => id);
    await Spillway.of(orm).drain();
    await orm.em.fork().transactional(async (em) => {
      for (const loaded of await em.find(Product, { id: { $in: ids } })) loaded.views += 10;
      await Spillway.of(orm).increment(Product, String(ids[0]), { views: 100 });
      await Spillway.of(orm).drain();
    });
    const found = await orm.em.fork().find(Product, { id: { $in: ids } }, { orderBy: { views: 'asc' } });
    expect(found.map(({ views }) => views)).toEqual([12, 111]);
  });

  test.each(['em.insert', 'a transaction'])(
    'inserts a row again that was deleted behind (%s), and it can be changed behind',
    async (way) => {
      const { id } = await newProduct({ name: 'first life' });
      const removing = orm.em.fork();
      const removed = await removing.findOneOrFail(Product, id);
      removed.name = 'version 2';
      await removing.flush();
      removing.remove(removed);
      await removing.flush();
      await Spillway.of(orm).drain();
      if (way === 'em.insert') await orm.em.fork().insert(Product, { id, name: 'second life', views: 0 });
      else await orm.em.fork().transactional(async (em) => void em.create(Product, { id, name: 'second life' }));
      const em = orm.em.fork();
      (await em.findOneOrFail(Product, id)).name = 'changed';
      await em.flush();
      await Spillway.of(orm).drain();
      expect(await orm.em.fork().findOneOrFail(Product, id)).toMatchObject({ name: 'changed', version: 2 });
    },
  );

  test('are the rows of another schema than the entity names', async () => {
    const connection = orm.em.getConnection();
    await connection.execute('create schema tenant; create table tenant.product (like public.product including all)');
    const id = '00000000-0000-4000-8000-00000000abcd';
    const em = orm.em.fork({ schema: 'tenant' });
    em.create(Product, { id, name: 'of the tenant' });
    await em.flush();
    expect(await connection.execute('select name from tenant.product')).toEqual([{ name: 'of the tenant' }]);
    expect(await orm.em.fork({ schema: 'tenant' }).findOne(Product, id)).toMatchObject({ name: 'of the tenant' });
    expect(await orm.em.fork().findOne(Product, id)).toBeNull();
  });
});

describe('with a worker', () => {
  test('what is staged arrives by itself, and stop() writes what is left', async () => {
    const withWorker = await shopOrm(db.url, { namespace: freshNamespace() });
    const em = withWorker.em.fork();
    const product = em.create(Product, { name: 'arrives' });
    await em.flush();
    await eventually(async () => {
      const rows = await orm.em.getConnection().execute('select name from product where id = ?', [product.id]);
      expect(rows).toEqual([{ name: 'arrives' }]);
    });
    product.name = 'last words';
    await em.flush();
    await withWorker.close();
    const rows = await orm.em.getConnection().execute('select name from product where id = ?', [product.id]);
    expect(rows).toEqual([{ name: 'last words' }]);
  });
});
