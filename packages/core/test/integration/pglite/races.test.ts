import type { MikroORM } from '@mikro-orm/pglite';
import { AsyncResource } from 'node:async_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { spillwayWithSteps, type HoldStep } from '../../../src/testing/index.js';
import { Customer, Note, Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

/** Where what a transaction has held is cut off, as by a crash. */
let cutAt: HoldStep | undefined;
/** A flush that has committed is held up, from the first to the last of these. */
let committed: PromiseWithResolvers<void>;
let goesOn: PromiseWithResolvers<void> | undefined;

const shop = pgliteShop((settings) =>
  spillwayWithSteps(
    settings,
    async (step) => {
      if (step !== 'committed' || !goesOn) return;
      committed.resolve();
      await goesOn.promise;
    },
    async (step) => {
      if (step === cutAt) throw new Error(`cut off at ${step}`);
    },
  ),
);
let orm: MikroORM;

beforeEach(async () => {
  cutAt = undefined;
  goesOn?.resolve();
  goesOn = undefined;
  committed = Promise.withResolvers();
  orm = await shop.orm();
});

afterAll(() => goesOn?.resolve());

const rows = async (id: string): Promise<unknown[]> => productRows(shop.pglite, id);
/** As if somebody else had called it, in no transaction. */
const others = new AsyncResource('others');
const outside = async <T>(act: () => Promise<T>): Promise<T> => others.runInAsyncScope(act);
const stage = (): { spillway: 'stage' } => ({ spillway: 'stage' });

/** Renamed in a transaction that holds, which has committed; nobody has released it. */
async function heldProduct(): Promise<string> {
  const id = await newProduct(orm);
  cutAt = 'ended';
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Product, id)).name = 'Held';
  }, stage());
  cutAt = undefined;
  return id;
}

/** Written and committed, but nothing of it acknowledged: counters tell nobody whether they are in the row already. */
async function unacknowledged(): Promise<string> {
  const id = await newProduct(orm);
  await Spillway.of(orm).drain();
  await Spillway.of(orm).increment(Product, id, { views: 2 });
  goesOn = Promise.withResolvers();
  Spillway.of(orm)
    .drain()
    .catch(() => undefined);
  await committed.promise;
  expect(await rows(id)).toMatchObject([{ views: 2 }]);
  expect((await Spillway.of(orm).status()).inFlight).toBe(1);
  return id;
}

describe('a transaction with the only connection meets', () => {
  test('a batch that is committed and not acknowledged, and does not write it again', async () => {
    const id = await unacknowledged();
    await Spillway.of(orm).increment(Product, id, { views: 3 });
    await orm.em.fork().transactional(async (em) => {
      expect(await em.find(Product, { views: 5 })).toMatchObject([{ id }]);
    });
    goesOn?.resolve();
    await Spillway.of(orm).drain();
    expect(await rows(id)).toMatchObject([{ views: 5 }]);
  });

  test('the same in a look-up by key that is laid over', async () => {
    const id = await unacknowledged();
    await orm.em.fork().transactional(async (em) => {
      expect(await em.findOne(Product, id)).toMatchObject({ views: 2 });
    }, stage());
  });

  test('a batch that it has written itself, which is not committed by that', async () => {
    const id = await newProduct(orm);
    await Spillway.of(orm).increment(Product, id, { views: 1 });
    const failing = orm.em.fork().transactional(async (em) => {
      expect(await em.count(Product, { views: 1 })).toBe(1);
      await Spillway.of(orm).increment(Product, id, { views: 1 });
      expect(await em.count(Product, { views: 2 })).toBe(1);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await rows(id)).toEqual([]);
    await Spillway.of(orm).drain();
    expect(await rows(id)).toMatchObject([{ views: 2 }]);
  });

  test('rows that it has written itself, and lays nothing over them that is in them', async () => {
    const id = await newProduct(orm);
    await Spillway.of(orm).drain();
    await Spillway.of(orm).increment(Product, id, { views: 2 });
    await orm.em.fork().transactional(async (em) => {
      expect(await em.fork({ keepTransactionContext: true }).count(Product, { views: 2 })).toBe(1);
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ views: 2 });
      await Spillway.of(orm).increment(Product, id, { views: 3 });
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ views: 5 });
      const product = await em.findOneOrFail(Product, id);
      product.views += 1;
      await em.flush();
      expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ views: 6 });
    }, stage());
    await Spillway.of(orm).drain();
    expect(await rows(id)).toMatchObject([{ views: 6 }]);
  });

  test('what another one has held, has committed, and has not released', async () => {
    const id = await heldProduct();
    expect((await Spillway.of(orm).status()).held).toBe(1);
    await orm.em.fork().transactional(async (em) => {
      expect(await em.findOne(Product, id)).toMatchObject({ name: 'Held', version: 2 });
    }, stage());
    await Spillway.of(orm).drain();
    expect(await rows(id)).toMatchObject([{ name: 'Held' }]);
  });

  test('the same in one that writes by SQL', async () => {
    const id = await heldProduct();
    await orm.em.fork().transactional(async (em) => {
      expect(await em.find(Product, { name: 'Held' })).toMatchObject([{ id }]);
    });
    expect(await rows(id)).toMatchObject([{ name: 'Held' }]);
  });
});

describe('what others ask for while a transaction has the only connection', () => {
  test('numbers: each waits for nobody but the database', async () => {
    const em = orm.em.fork();
    await em.begin(stage());
    const waiting = outside(async () => {
      const other = orm.em.fork();
      other.create(Customer, { name: 'Outside' });
      await other.flush();
    });
    // Until the other one waits for the connection.
    await pause(1);
    em.create(Customer, { name: 'Inside' });
    await em.flush();
    await em.commit();
    await waiting;
    await Spillway.of(orm).drain();
    expect(await orm.em.fork().count(Customer)).toBe(2);
  });

  test('what a flush refers to is written for itself, not in a transaction that was begun beside it and is rolled back', async () => {
    const id = await newProduct(orm);
    const em = orm.em.fork();
    await em.begin();
    em.create(Note, { text: 'rolled back' });
    await em.flush();
    const other = orm.em.fork();
    other.create(Note, { text: 'x', product: other.getReference(Product, id) });
    const flushed = other.flush();
    // Until the other one waits for the connection.
    await pause(100);
    await em.rollback();
    await flushed;
    expect(await rows(id)).toHaveLength(1);
    expect(await orm.em.fork().find(Note, {})).toMatchObject([{ text: 'x' }]);
  });

  test('a drain goes on when it has ended', async () => {
    const first = await newProduct(orm);
    const em = orm.em.fork();
    let drained: Promise<unknown> = Promise.resolve();
    await em.transactional(async (inner) => {
      drained = outside(async () => Spillway.of(orm).drain());
      await newProduct(orm, { name: 'Cup' });
      expect(await inner.count(Product)).toBe(2);
    });
    expect(await drained).toEqual({ left: 0 });
    expect(await rows(first)).toHaveLength(1);
  });

  test('a second transaction, a query and a staged flush, all at once', async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, async (_, i) => newProduct(orm, { name: `p${i}` })));
    const bump = async (id: string, way: 'stage' | 'through'): Promise<void> =>
      orm.em.fork().transactional(
        async (em) => {
          (await em.findOneOrFail(Product, id)).views += 1;
          await em.flush();
          await em.count(Product);
        },
        { spillway: way },
      );
    const all = ids.flatMap((id) => [
      bump(id, 'stage'),
      bump(id, 'through'),
      Spillway.of(orm).increment(Product, id, { views: 1 }),
      orm.em.fork().find(Product, {}),
      Spillway.of(orm).drain(),
    ]);
    await Promise.all(all);
    await Spillway.of(orm).drain();
    for (const id of ids) expect(await rows(id)).toMatchObject([{ views: 3 }]);
  });
});
