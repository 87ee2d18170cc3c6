import { OptimisticLockError, raw, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { eventually, freshNamespace, loggedDatabase, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Customer, Note, Order, Product, shopOrm } from './shop.js';

let db: LoggedDatabase;
/** Two processes that only stage, so that what is pending stays pending until a test drains it. */
let orm: MikroORM;
let other: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  const settings = { namespace: freshNamespace(), worker: false };
  orm = await shopOrm(db.url, settings);
  other = await shopOrm(db.url, settings);
  await orm.schema.create();
  await orm.em.fork().execute('create table once (name text unique deferrable initially deferred)');
  await Spillway.of(orm).start();
  await Spillway.of(other).start();
});

afterAll(async () => {
  await orm.close();
  await other.close();
  await db.drop();
});

/** Anew every time, because MikroORM keeps its transaction in what it is given. */
const stage = (): { spillway: 'stage' } => ({ spillway: 'stage' });

async function newProduct(values: Partial<Product> = {}): Promise<string> {
  const em = orm.em.fork();
  const product = em.create(Product, { name: 'Kettle', ...values });
  await em.flush();
  return product.id;
}

async function find(id: string, by: MikroORM = other): Promise<Product | null> {
  return by.em.fork().findOne(Product, id);
}

async function rows(id: string): Promise<number> {
  const found: unknown[] = await orm.em.fork().execute('select from product where id = ?', [id]);
  return found.length;
}

async function held(): Promise<number> {
  return (await Spillway.of(other).status()).held;
}

/** A transaction that is held open until it is told how to end. */
async function openTransaction(
  work: (em: EntityManager) => Promise<void>,
): Promise<(fails?: boolean) => Promise<void>> {
  const { promise: worked, resolve: hasWorked, reject } = Promise.withResolvers<void>();
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<boolean>();
  const transaction = orm.em.fork().transactional(async (em) => {
    try {
      await work(em);
      hasWorked();
    } catch (error) {
      reject(error);
      throw error;
    }
    if (await mayEnd) throw new Error('told to fail');
  }, stage());
  await Promise.all([worked, Promise.race([worked, transaction])]);
  return async (fails = false) => {
    end(fails);
    await transaction.catch((error: unknown) => {
      if (!fails) throw error;
    });
  };
}

describe('a transaction whose changes are held', () => {
  test('writes nothing but its row in the ledger, and everybody sees its changes when it has resolved (H13)', async () => {
    const id = await newProduct();
    let fresh = '';
    const statements = await db.statements.during(async () => {
      await orm.em.fork().transactional(async (em) => {
        const product = await em.findOneOrFail(Product, id);
        product.name = 'Tea kettle';
        fresh = em.create(Product, { name: 'Cup' }).id;
      }, stage());
    });
    expect(statements.filter((sql) => /product/.test(sql) && !sql.startsWith('select'))).toEqual([]);
    expect(statements.filter((sql) => /insert into .*spillway_batch/.test(sql))).toHaveLength(1);
    expect(await find(id)).toMatchObject({ name: 'Tea kettle', version: 2 });
    expect(await find(fresh)).toMatchObject({ name: 'Cup', version: 1 });
    expect(await rows(fresh)).toBe(0);
    await Spillway.of(orm).drain();
    expect(await rows(fresh)).toBe(1);
    expect(await held()).toBe(0);
  });

  test('shows nothing to others before its commit, and all of it to itself (F32)', async () => {
    const id = await newProduct();
    let fresh = '';
    const end = await openTransaction(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.name = `held ${id}`;
      product.views += 2;
      fresh = em.create(Product, { name: 'Cup' }).id;
      await em.flush();
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({
        name: `held ${id}`,
        views: 2,
        version: 2,
      });
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, fresh)).toMatchObject({ name: 'Cup' });
    });
    expect(await find(id)).toMatchObject({ name: 'Kettle', views: 0, version: 1 });
    expect(await find(fresh)).toBeNull();
    expect(await other.em.fork().find(Product, { name: `held ${id}` })).toEqual([]);
    await Spillway.of(other).drain();
    expect(await rows(fresh)).toBe(0);
    expect(await held()).toBe(2);
    await end();
    expect(await find(id)).toMatchObject({ name: `held ${id}`, views: 2, version: 2 });
    expect(await other.em.fork().find(Product, { name: 'Cup', id: fresh })).toHaveLength(1);
  });

  test('leaves nothing behind when it is rolled back (F32)', async () => {
    const id = await newProduct();
    let fresh = '';
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).views += 5;
      fresh = em.create(Product, { name: 'Cup' }).id;
      await em.flush();
    });
    await end(true);
    expect(await find(id)).toMatchObject({ views: 0 });
    expect(await find(fresh)).toBeNull();
    await Spillway.of(orm).drain();
    expect(await rows(fresh)).toBe(0);
    expect(await held()).toBe(0);
  });

  test('is told what PostgreSQL refuses of what it holds where its own SQL needs it, and what to do', async () => {
    const id = await newProduct();
    const refused = orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'x'.repeat(300);
      await em.flush();
      await em.find(Product, { name: 'Kettle' });
    }, stage());
    await expect(refused).rejects.toThrow(
      new RegExp(
        `^A statement of this transaction needs Product ${id}, which the transaction holds, and PostgreSQL does not take it: SQLSTATE 22001: a value does not fit its column \\("name"\\)\\. ` +
          'Roll back and try again; if it is refused again, change the row, or use a transaction without spillway: "stage" \\[HELD_UNWRITABLE\\]$',
      ),
    );
    expect(await find(id)).toMatchObject({ name: 'Kettle', version: 1 });
    expect(await held()).toBe(0);
  });

  test('leaves nothing behind when COMMIT fails (H13, F32)', async () => {
    const id = await newProduct();
    const failing = orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'never';
      await em.flush();
      await em.execute(`insert into once values ('a'), ('a')`);
    }, stage());
    await expect(failing).rejects.toThrow(/unique/);
    expect(await find(id)).toMatchObject({ name: 'Kettle' });
    expect(await held()).toBe(0);
  });

  test('leaves nothing behind when PostgreSQL answers COMMIT without committing (H13)', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'never';
      await em.flush();
      await em.execute('select 1/0').catch(() => undefined);
    }, stage());
    expect(await find(id)).toMatchObject({ name: 'Kettle' });
    expect(await held()).toBe(0);
  });

  test('leaves nothing behind when it cannot be serialized (H13)', async () => {
    const id = await newProduct();
    await orm.em.fork().execute('create table counted (n int)');
    const count = async (em: EntityManager): Promise<void> => {
      const [row] = await em.execute<{ n: number }[]>('select count(*)::int as n from counted');
      await em.execute('insert into counted values (?)', [row?.n ?? 0]);
    };
    const first = orm.em.fork();
    const second = orm.em.fork();
    await first.begin({ isolationLevel: 'serializable', ...stage() });
    await second.begin({ isolationLevel: 'serializable' });
    const product = await first.findOneOrFail(Product, id);
    await count(first);
    await count(second);
    await second.commit();
    product.name = 'never';
    await expect(first.commit()).rejects.toThrow(/serialize/);
    await first.rollback();
    expect(await find(id)).toMatchObject({ name: 'Kettle' });
    expect(await held()).toBe(0);
  });

  test('writes what queries that run at once need once, as a page and its count do', async () => {
    const name = `page ${freshNamespace()}`;
    const id = await newProduct({ name });
    await orm.em.fork().transactional(async (em) => {
      em.create(Product, { name });
      (await em.findOneOrFail(Product, id)).views += 2;
      await em.flush();
      const page = await em.findByCursor(Product, { where: { name }, orderBy: { id: 'asc' }, first: 5 });
      expect(page).toMatchObject({ totalCount: 2, length: 2 });
      const [found, count] = await em.findAndCount(Product, { views: { $gte: 0 }, name });
      expect([found.length, count]).toEqual([2, 2]);
    }, stage());
    expect(await find(id)).toMatchObject({ views: 2 });
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ views: 2 });
    expect((await Spillway.of(orm).status()).dead).toBe(0);
  });

  test('builds one flush upon the other', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      for (const name of ['a', 'b', 'c']) {
        product.name = name;
        product.views += 1;
        await em.flush();
      }
      expect(product.version).toBe(4);
    }, stage());
    expect(await find(id)).toMatchObject({ name: 'c', views: 3, version: 4 });
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ name: 'c', views: 3, version: 4 });
    expect((await Spillway.of(orm).status()).dead).toBe(0);
  });

  test('drops with a savepoint what was held since, and keeps the rest', async () => {
    const id = await newProduct();
    const also = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.views += 1;
      await em.flush();
      const inner = em.transactional(async (part) => {
        (await part.findOneOrFail(Product, id)).views += 10;
        (await part.findOneOrFail(Product, also)).views += 10;
        await part.flush();
        throw new Error('only this part');
      });
      await expect(inner).rejects.toThrow('only this part');
      await em.transactional(async (part) => {
        (await part.findOneOrFail(Product, also)).views += 100;
      });
    }, stage());
    expect(await find(also)).toMatchObject({ views: 100 });
    await Spillway.of(orm).drain();
    expect(await held()).toBe(0);
  });

  test('becomes visible together with what it writes by SQL, or not at all', async () => {
    const id = await newProduct();
    const text = `kettle ${id}`;
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).views += 1;
      await em.flush();
      em.create(Note, { text });
      await em.flush();
    });
    expect(await find(id)).toMatchObject({ views: 0 });
    expect(await other.em.fork().count(Note, { text })).toBe(0);
    await end();
    expect(await find(id)).toMatchObject({ views: 1 });
    expect(await other.em.fork().count(Note, { text })).toBe(1);
  });

  test('writes by SQL what a statement of its own has to find, and it is written once', async () => {
    const id = await newProduct({ views: 1 });
    let fresh = '';
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.views += 1;
      const cup = em.create(Product, { name: `cup ${id}` });
      fresh = cup.id;
      await em.flush();
      // A foreign key to a row that is held.
      em.create(Note, { text: 'cup', product: cup });
      await em.flush();
      // A query that has to see it.
      expect(await em.count(Product, { name: `cup ${id}` })).toBe(1);
      product.views += 1;
      cup.name = `mug ${id}`;
      await em.flush();
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ views: 3 });
    }, stage());
    expect(await find(id)).toMatchObject({ views: 3 });
    expect(await find(fresh)).toMatchObject({ name: `mug ${id}`, version: 2 });
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ views: 3 });
    expect(await find(fresh)).toMatchObject({ name: `mug ${id}`, version: 2 });
    expect(await held()).toBe(0);
    expect((await Spillway.of(orm).status()).dead).toBe(0);
  });

  test('writes what its rows refer to first, where that is pending', async () => {
    const product = await newProduct();
    const before = orm.em.fork();
    const customer = before.create(Customer, { name: 'Ann' });
    await before.flush();
    let order: Order | undefined;
    await orm.em.fork().transactional(async (em) => {
      order = em.create(Order, {
        customer: em.getReference(Customer, customer.id, { wrapped: true }),
        product: em.getReference(Product, product, { wrapped: true }),
      });
      await em.flush();
      expect(await em.count(Order, { customer: customer.id })).toBe(1);
    }, stage());
    expect(await other.em.fork().findOne(Order, order?.id ?? 0n)).toMatchObject({ customer: { id: customer.id } });
    await Spillway.of(orm).drain();
    expect((await Spillway.of(orm).status()).dead).toBe(0);
  });

  test('holds again what a savepoint has taken back of its own SQL', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.views += 1;
      await em.flush();
      const inner = em.transactional(async (part) => {
        expect(await part.count(Product, { id, views: 1 })).toBe(1);
        throw new Error('take it back');
      });
      await expect(inner).rejects.toThrow('take it back');
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ views: 1 });
    }, stage());
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ views: 1 });
  });

  test('sends to SQL what cannot be staged, in order', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.name = 'a';
      await em.flush();
      product.name = raw(`'b' || 'c'`);
      await em.flush();
      await em.refresh(product);
      expect(product.name).toBe('bc');
      product.views += 1;
    }, stage());
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ name: 'bc', views: 1 });
    expect((await Spillway.of(orm).status()).dead).toBe(0);
  });

  test('refuses a stale version as a flush does, and goes on', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      const foreign = other.em.fork();
      (await foreign.findOneOrFail(Product, id)).name = 'theirs';
      await foreign.flush();
      product.name = 'mine';
      await expect(em.flush()).rejects.toThrow(OptimisticLockError);
      em.clear();
      (await em.findOneOrFail(Product, id)).name = 'after theirs';
    }, stage());
    expect(await find(id)).toMatchObject({ name: 'after theirs', version: 3 });
  });
});

describe('others, while a transaction holds a row', () => {
  test('wait for its end to change the row, and are told the new version', async () => {
    const id = await newProduct();
    const theirs = other.em.fork();
    const product = await theirs.findOneOrFail(Product, id);
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'mine';
      await em.flush();
    });
    product.name = 'theirs';
    // It may fail before the end has answered.
    const waiting = theirs.flush().catch((error: unknown) => error);
    await end();
    expect(await waiting).toBeInstanceOf(OptimisticLockError);
    expect(await find(id)).toMatchObject({ name: 'mine' });
  });

  test('go on at once when it is rolled back', async () => {
    const id = await newProduct();
    const theirs = other.em.fork();
    const product = await theirs.findOneOrFail(Product, id);
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'mine';
      await em.flush();
    });
    product.name = 'theirs';
    const waiting = theirs.flush();
    await end(true);
    await waiting;
    expect(await find(id)).toMatchObject({ name: 'theirs' });
  });

  test('are told after stageTimeout that the row is held', async () => {
    const id = await newProduct();
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'mine';
      await em.flush();
    });
    const theirs = other.em.fork();
    (await theirs.findOneOrFail(Product, id)).name = 'theirs';
    await expect(theirs.flush()).rejects.toMatchObject({
      code: 'ROW_HELD',
      message: expect.stringContaining('a transaction that has not ended holds a change of this row'),
    });
    await end();
    expect(await find(id)).toMatchObject({ name: 'mine' });
  });

  test('add to counters meanwhile, and the sum is exact', async () => {
    const id = await newProduct();
    const end = await openTransaction(async (em) => {
      (await em.findOneOrFail(Product, id)).views += 1;
      await em.flush();
    });
    await Spillway.of(other).increment(Product, id, { views: 10 });
    expect(await find(id)).toMatchObject({ views: 10 });
    await end();
    expect(await find(id)).toMatchObject({ views: 11 });
    await Spillway.of(orm).drain();
    expect(await find(id)).toMatchObject({ views: 11 });
  });
});

describe('what a transaction does with write-behind entities', () => {
  test('is written by SQL unless it says otherwise, and a savepoint may say otherwise', async () => {
    const id = await newProduct();
    await orm.em.fork().transactional(async (em) => {
      (await em.findOneOrFail(Product, id)).name = 'sql';
      await em.flush();
      expect(await held()).toBe(0);
      await em.transactional(async (part) => {
        (await part.findOneOrFail(Product, id)).views += 1;
        await part.flush();
        expect(await held()).toBe(1);
      }, stage());
    });
    expect(await find(id)).toMatchObject({ name: 'sql', views: 1 });
  });

  test('is decided by the policy where it says nothing', async () => {
    const staging = await shopOrm(db.url, { worker: false, defaults: { transactions: 'stage' } });
    try {
      const em = staging.em.fork();
      const id = em.create(Product, { name: 'Kettle' }).id;
      await em.flush();
      await staging.em.fork().transactional(async (inner) => {
        (await inner.findOneOrFail(Product, id)).views += 1;
        await inner.flush();
        expect((await Spillway.of(staging).status()).held).toBe(1);
      });
      await staging.em.fork().transactional(
        async (inner) => {
          (await inner.findOneOrFail(Product, id)).views += 1;
          await inner.flush();
          expect((await Spillway.of(staging).status()).held).toBe(0);
        },
        { spillway: 'through' },
      );
      expect(await find(id, staging)).toMatchObject({ views: 2 });
      await Spillway.of(staging).drain();
    } finally {
      await staging.close();
    }
  });

  test('is refused by name where the option is none', async () => {
    const options = { spillway: 'staged' } as unknown as { spillway: 'stage' };
    const refusal = {
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(
        "spillway in the options of a transaction is 'staged'; it must be 'through' or 'stage'",
      ),
    };
    await expect(orm.em.fork().transactional(async () => undefined, options)).rejects.toMatchObject(refusal);
    await expect(orm.em.fork().begin(options)).rejects.toMatchObject(refusal);
  });

  test('is settled by the next who looks where nobody has released it', async () => {
    const id = await newProduct();
    const em = orm.em.fork();
    await em.begin(stage());
    (await em.findOneOrFail(Product, id)).name = 'late';
    await em.flush();
    expect(await held()).toBe(1);
    await em.commit();
    await eventually(async () => expect(await held()).toBe(0));
    expect(await find(id)).toMatchObject({ name: 'late' });
  });
});
