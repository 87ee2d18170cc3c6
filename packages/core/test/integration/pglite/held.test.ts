import type { MikroORM } from '@mikro-orm/pglite';
import { beforeEach, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Customer, Note, Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

const shop = pgliteShop();
let orm: MikroORM;

beforeEach(async () => {
  orm = await shop.orm();
});

const rows = async (id: string): Promise<unknown[]> => productRows(shop.pglite, id);
const stage = (): { spillway: 'stage' } => ({ spillway: 'stage' });

test('what a transaction holds is seen by itself, and with its commit by all; new rows have numbers', async () => {
  const id = await newProduct(orm);
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Product, id)).name = 'Held';
    const customer = em.create(Customer, { name: 'Ada' });
    await em.flush();
    expect(customer.id).toBeTypeOf('number');
    expect(await em.fork({ keepTransactionContext: true }).findOne(Product, id)).toMatchObject({ name: 'Held' });
  }, stage());
  expect(await rows(id)).toEqual([]);
  expect(await orm.em.fork().findOne(Product, id)).toMatchObject({ name: 'Held', version: 2 });
  expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  expect(await rows(id)).toMatchObject([{ name: 'Held', version: 2 }]);
  expect(await Spillway.of(orm).status()).toMatchObject({ held: 0, dead: 0 });
});

test('its own query finds what it holds, and what was pending beneath', async () => {
  const id = await newProduct(orm);
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Product, id)).name = 'Held';
    await em.flush();
    const found = await em.fork({ keepTransactionContext: true }).find(Product, { name: 'Held' });
    expect(found).toMatchObject([{ id, version: 2 }]);
  }, stage());
  await Spillway.of(orm).drain();
  expect(await rows(id)).toMatchObject([{ name: 'Held', version: 2 }]);
});

test('rolled back, all of it is gone, also by hand', async () => {
  const id = await newProduct(orm);
  const em = orm.em.fork();
  await em.begin(stage());
  (await em.findOneOrFail(Product, id)).name = 'Held';
  await em.flush();
  await em.rollback();
  expect(await orm.em.fork().findOne(Product, id)).toMatchObject({ name: 'Kettle', version: 1 });
  expect((await Spillway.of(orm).status()).held).toBe(0);
});

test('a savepoint that is rolled back takes its own with it', async () => {
  const [one, two] = [await newProduct(orm, { name: 'one' }), await newProduct(orm, { name: 'two' })];
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Product, one)).name = 'held';
    await em.flush();
    const inner = em.transactional(async (part) => {
      (await part.findOneOrFail(Product, two)).name = 'undone';
      await part.flush();
      throw new Error('no');
    });
    await expect(inner).rejects.toThrow('no');
  }, stage());
  await Spillway.of(orm).drain();
  expect([await rows(one), await rows(two)]).toMatchObject([[{ name: 'held' }], [{ name: 'two' }]]);
});

test('with SQL in the same transaction both are committed, or neither', async () => {
  const id = await newProduct(orm);
  const view = async (fails: boolean): Promise<void> =>
    orm.em.fork().transactional(async (em) => {
      const product = await em.findOneOrFail(Product, id);
      product.views += 1;
      await em.flush();
      em.create(Note, { text: 'x', product });
      await em.flush();
      if (fails) throw new Error('no');
    }, stage());
  await expect(view(true)).rejects.toThrow('no');
  await view(false);
  await Spillway.of(orm).drain();
  expect(await rows(id)).toMatchObject([{ views: 1 }]);
  expect(await orm.em.fork().count(Note)).toBe(1);
});
