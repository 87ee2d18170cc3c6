import { MikroORM } from '@mikro-orm/pglite';
import { beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Customer, Note, Product } from '../mikro-orm/shop.js';
import { newProduct, pgliteShop, productRows } from './pglite-orm.js';

const shop = pgliteShop();
let orm: MikroORM;

const rows = async (id: string): Promise<unknown[]> => productRows(shop.pglite, id);

describe.each([
  ['in memory', {}],
  ['in Redis', { redis: 'shared' }],
])('an ORM on PGlite that stages %s', (_, given) => {
  beforeEach(async () => {
    orm = await shop.orm(given);
  });

  test('stages, lays what is pending over look-ups by key, and drains', async () => {
    const id = await newProduct(orm);
    expect(await rows(id)).toEqual([]);
    expect(await orm.em.fork().findOne(Product, id)).toMatchObject({ name: 'Kettle', version: 1 });
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
    expect(await rows(id)).toEqual([{ name: 'Kettle', views: 0, version: 1 }]);
  });

  test('writes what is pending before a query', async () => {
    const id = await newProduct(orm);
    expect(await orm.em.fork().find(Product, { name: 'Kettle' })).toMatchObject([{ id }]);
    expect(await orm.em.fork().count(Product)).toBe(1);
  });

  test('numbers new rows from the sequence', async () => {
    const em = orm.em.fork();
    const customer = em.create(Customer, { name: 'Ada' });
    await em.flush();
    expect(customer.id).toBeTypeOf('number');
    expect(await orm.em.fork().find(Customer, { name: 'Ada' })).toMatchObject([{ id: customer.id }]);
  });

  test('settles receipts, and counts exactly', async () => {
    const id = await newProduct(orm);
    await Spillway.of(orm).increment(Product, id, { views: 2 });
    const em = orm.em.fork();
    const product = await em.findOneOrFail(Product, id);
    product.views += 3;
    await em.flush();
    await Spillway.of(orm).written(product);
    expect(await rows(id)).toMatchObject([{ views: 5 }]);
  });

  test('writes a flush of plain entities by SQL, after what it refers to', async () => {
    const id = await newProduct(orm);
    const em = orm.em.fork();
    em.create(Note, { text: 'x', product: em.getReference(Product, id) });
    await em.flush();
    expect(await rows(id)).toHaveLength(1);
  });

  test('buries what the database refuses', async () => {
    await shop.pglite.exec('alter table product add constraint short check (length(name) < 100)');
    await newProduct(orm, { name: 'x'.repeat(100) });
    await expect
      .poll(
        async () => {
          await Spillway.of(orm).drain();
          return (await Spillway.of(orm).deadLetters.list()).map(({ code }) => code);
        },
        { timeout: 20_000 },
      )
      .toEqual(['23514']);
    await shop.pglite.exec('alter table product drop constraint short');
  });
});

test('a worker writes in the background, and the rest when the ORM is closed', async () => {
  orm = await shop.orm({ worker: { pollInterval: '5ms' } });
  const first = await newProduct(orm);
  await expect.poll(async () => rows(first)).toHaveLength(1);
  const last = await newProduct(orm);
  await orm.close();
  expect(await rows(last)).toHaveLength(1);
});

test('with a PGlite that MikroORM has made it is the same', async () => {
  const own = await MikroORM.init({
    entities: [Product, Note],
    extensions: [spillway({ staging: () => memoryStaging(), tables: { ensure: true } })],
  });
  await own.schema.create();
  const em = own.em.fork();
  const product = em.create(Product, { name: 'Kettle', details: { colour: 'red' } });
  await em.flush();
  expect(await own.em.fork().find(Product, { name: 'Kettle' })).toMatchObject([
    { id: product.id, details: { colour: 'red' }, version: 1 },
  ]);
  await own.schema.clear();
  await own.close();
});

test('its own tables are refused where they are not there', async () => {
  orm = await shop.orm({ tables: { schema: 'elsewhere' } });
  await expect(newProduct(orm)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
