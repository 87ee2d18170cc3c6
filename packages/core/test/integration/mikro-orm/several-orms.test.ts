import { RequestContext, type EntityManager, type EventSubscriber } from '@mikro-orm/core';
import type { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { spillway, Spillway } from '../../../src/index.js';
import { Customer, Product, shopOrm } from './shop.js';

let first: Database;
let second: Database;
const open: MikroORM[] = [];

beforeEach(async () => {
  [first, second] = await Promise.all([database(), database()]);
  for (const { url } of [first, second]) {
    const orm = await shopOrm(url, {}, { extensions: [] });
    await orm.schema.create();
    await orm.close();
  }
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((orm) => orm.close()));
  await Promise.all([first.drop(), second.drop()]);
});

/** Stages only, under a namespace of its own. */
async function ormOn({ url }: Database, ...[settings, options]: Tail<Parameters<typeof shopOrm>>): Promise<MikroORM> {
  const orm = await shopOrm(url, { worker: false, ...settings }, options);
  open.push(orm);
  return orm;
}

type Tail<Parameters extends readonly unknown[]> = Parameters extends readonly [unknown, ...infer Rest] ? Rest : never;

async function makeProduct(orm: MikroORM, values: Partial<Product>): Promise<string> {
  const em = orm.em.fork();
  const product = em.create(Product, { name: 'unnamed', ...values });
  await em.flush();
  return product.id;
}

async function change(em: EntityManager, id: string, values: Partial<Product>): Promise<void> {
  Object.assign(await em.findOneOrFail(Product, id), values);
  await em.flush();
}

async function counted(orm: MikroORM): Promise<unknown> {
  return (await Spillway.of(orm).status()).pending;
}

async function names(orm: MikroORM): Promise<unknown[]> {
  const rows = await orm.em.getConnection().execute<{ name: string }[]>('select name from product order by name');
  return rows.map(({ name }) => name);
}

describe('two ORMs with two databases, two namespaces and the same entities', () => {
  test('see, count and write each what is its own, though the keys are equal', async () => {
    const [a, b] = [await ormOn(first), await ormOn(second)];
    const id = await makeProduct(a, { name: 'of a' });
    expect(await b.em.fork().findOne(Product, id)).toBeNull();
    expect(await counted(b)).toEqual({});

    await makeProduct(b, { id, name: 'of b' });
    expect((await a.em.fork().findOneOrFail(Product, id)).name).toBe('of a');
    expect((await b.em.fork().findOneOrFail(Product, id)).name).toBe('of b');

    await Spillway.of(b).drain();
    expect([await names(a), await names(b)]).toEqual([[], ['of b']]);
    expect(await counted(a)).toEqual({ Product: 1 });
    await Spillway.of(a).drain();
    expect([await names(a), await names(b)]).toEqual([['of a'], ['of b']]);
  });

  test('are refused where they share a namespace: what is staged for one must not go to the other', async () => {
    const namespace = freshNamespace();
    await makeProduct(await ormOn(first, { namespace }), { name: 'of a' });
    const b = await ormOn(second, { namespace });
    await expect(makeProduct(b, { name: 'of b' })).rejects.toThrow(/another database/);
    expect(await names(b)).toEqual([]);
  });

  test('go on one without the other when it is closed', async () => {
    const [a, b] = [await ormOn(first), await ormOn(second)];
    const ids = [await makeProduct(a, { name: 'of a' }), await makeProduct(b, { name: 'of b' })];
    await a.close();
    await change(b.em.fork(), String(ids[1]), { name: 'after' });
    await Spillway.of(b).drain();
    expect(await names(b)).toEqual(['after']);
  });

  test('may flush one inside a hook of the other', async () => {
    const b = await ormOn(second);
    const copier: EventSubscriber<Product> = {
      getSubscribedEntities: () => [Product],
      afterCreate: async ({ entity }) => void (await makeProduct(b, { id: entity.id, name: `copy of ${entity.name}` })),
    };
    const a = await ormOn(first, {}, { subscribers: [copier] });
    const id = await makeProduct(a, { name: 'original' });
    expect((await a.em.fork().findOneOrFail(Product, id)).name).toBe('original');
    expect((await b.em.fork().findOneOrFail(Product, id)).name).toBe('copy of original');
    await Promise.all([Spillway.of(a).drain(), Spillway.of(b).drain()]);
    expect([await names(a), await names(b)]).toEqual([['original'], ['copy of original']]);
  });
});

describe('an ORM without the extension, beside one that has it', () => {
  test('writes and reads the same entities by SQL, as if Spillway were not there', async () => {
    const [plain, behind] = [await ormOn(first, {}, { extensions: [] }), await ormOn(first)];
    const pending = await makeProduct(behind, { name: 'pending' });
    const written = await makeProduct(plain, { name: 'written' });
    expect(await plain.em.fork().findOne(Product, pending)).toBeNull();
    expect((await behind.em.fork().findOneOrFail(Product, written)).name).toBe('written');
    expect(await names(plain)).toEqual(['written']);
    expect(() => Spillway.of(plain)).toThrow(/This ORM has no Spillway/);
  });
});

describe('several contexts', () => {
  test('of one RequestContext flush each to its own, and requests at the same time share nothing', async () => {
    const [a, b] = [await ormOn(first, {}, { contextName: 'a' }), await ormOn(second, {}, { contextName: 'b' })];
    const request = (name: string): Promise<void> =>
      RequestContext.create([a.em, b.em], async () => {
        const [ofA, ofB] = [a, b].map(({ em }, i) => em.create(Product, { name: `${name} ${i}` }));
        await Promise.all([a.em.flush(), b.em.flush()]);
        Object.assign(ofA as Product, { name: `${name} a` });
        await a.em.flush();
        expect(await a.em.findOne(Product, (ofB as Product).id)).toBeNull();
        expect(await a.em.findOne(Product, (ofA as Product).id)).toBe(ofA);
        expect(a.em.getUnitOfWork().getIdentityMap().values()).toEqual([ofA]);
        expect(b.em.getUnitOfWork().getIdentityMap().values()).toEqual([ofB]);
      });
    await Promise.all(['x', 'y', 'z'].map(request));
    expect(await counted(a)).toEqual({ Product: 3 });
    await Promise.all([Spillway.of(a).drain(), Spillway.of(b).drain()]);
    expect([await names(a), await names(b)]).toEqual([
      ['x a', 'y a', 'z a'],
      ['x 1', 'y 1', 'z 1'],
    ]);
    expect(a.em.getUnitOfWork(false).getIdentityMap().values()).toEqual([]);
  });

  test('inside a transaction of one: the other stages as always, and a roll-back takes back only its own', async () => {
    const [a, b] = [await ormOn(first, {}, { contextName: 'a' }), await ormOn(second, {}, { contextName: 'b' })];
    await RequestContext.create([a.em, b.em], async () => {
      const failing = a.em.transactional(async () => {
        a.em.create(Product, { name: 'rolled back' });
        b.em.create(Product, { name: 'staged' });
        await a.em.flush();
        await b.em.flush();
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
    });
    expect(await counted(b)).toEqual({ Product: 1 });
    await Spillway.of(b).drain();
    expect([await names(a), await names(b)]).toEqual([[], ['staged']]);
  });
});

describe('two ORMs on one database', () => {
  test('with one namespace are one: what one stages, the other reads and writes', async () => {
    // The same object, as an application has it that makes two ORMs of one configuration.
    const shared = { extensions: [spillway(settings())] };
    const [a, b] = [await ormOn(first, {}, shared), await ormOn(first, {}, shared)];
    expect(Spillway.of(a)).not.toBe(Spillway.of(b));
    const id = await makeProduct(a, { name: 'by a' });
    await change(b.em.fork(), id, { name: 'by b' });
    expect(await a.em.fork().findOneOrFail(Product, id)).toMatchObject({ name: 'by b', version: 2 });
    await a.close();
    await Spillway.of(b).drain();
    expect(await names(b)).toEqual(['by b']);
  });

  test('with two namespaces do not see what the other has pending, and the version decides who was first', async () => {
    const [a, b] = [await ormOn(first), await ormOn(first)];
    const id = await makeProduct(a, { name: 'first', views: 1 });
    expect(await b.em.fork().findOne(Product, id)).toBeNull();
    await Spillway.of(a).drain();

    const stale = b.em.fork();
    const loaded = await stale.findOneOrFail(Product, id);
    await change(a.em.fork(), id, { name: 'by a' });
    expect((await b.em.fork().findOneOrFail(Product, id)).name).toBe('first');
    await Spillway.of(a).drain();
    expect((await b.em.fork().findOneOrFail(Product, id)).name).toBe('by a');

    loaded.name = 'by b';
    await stale.flush();
    await Spillway.of(b).drain();
    expect(await names(a)).toEqual(['by a']);
    expect(await Spillway.of(b).deadLetters.list()).toMatchObject([{ code: 'CONFLICT' }]);
    expect(await counted(a)).toEqual({});
  });

  test('with two namespaces add up their counters, and share the numbers of a sequence without taking one twice', async () => {
    const [a, b] = [await ormOn(first), await ormOn(first)];
    const id = await makeProduct(a, { name: 'counted' });
    await Spillway.of(a).drain();
    const customers = [a, b, a, b].map(async (orm) => {
      await Spillway.of(orm).increment(Product, id, { views: 5 });
      const em = orm.em.fork();
      const customer = em.create(Customer, { name: 'Ada' });
      await em.flush();
      return customer.id;
    });
    expect(new Set(await Promise.all(customers)).size).toBe(4);
    await Promise.all([Spillway.of(a).drain(), Spillway.of(b).drain()]);
    expect(await a.em.fork().findOneOrFail(Product, id)).toMatchObject({ views: 20 });
    expect(await a.em.fork().count(Customer)).toBe(4);
  });

  function settings() {
    return { redis: sharedRedisUrl(), namespace: freshNamespace(), tables: { ensure: true }, worker: false } as const;
  }
});
