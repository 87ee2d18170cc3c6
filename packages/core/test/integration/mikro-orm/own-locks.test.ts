import { IsolationLevel, LockMode } from '@mikro-orm/core';
import { type MikroORM, type SqlEntityManager } from '@mikro-orm/postgresql';
import { freshNamespace, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, type SpillwayEvent } from '../../../src/index.js';
import { rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import { Product, shopDatabase, shopOrm } from './shop.js';

/** Few, so that rows that share one, and rows that do not, are soon found. */
const SHARDS = 2;

let db: Database;
let orm: MikroORM;
let events: SpillwayEvent[];

beforeAll(async () => {
  db = await shopDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  orm = await shopOrm(db.url, { namespace: freshNamespace(), worker: false, shards: SHARDS });
  await orm.em.fork().execute('truncate product cascade');
  events = [];
  Spillway.of(orm).events$.subscribe((event) => void events.push(event));
});

afterEach(() => orm.close());

const lagging = (): SpillwayEvent[] => events.filter(({ type }) => type === 'lagging');
/** Drains that have come to their end. One that waits for its own transaction never does. */
const drains = (): number => events.filter(({ type }) => type === 'drained').length;

function shardOfProduct(id: string): number {
  return shardOf(rowKeyOf({ schema: 'public', table: 'product', key: [id] }), SHARDS);
}

/** A written product of that shard. */
async function product(name: string, shard: number): Promise<string> {
  for (;;) {
    const em = orm.em.fork();
    const made = em.create(Product, { name });
    if (shardOfProduct(made.id) !== shard) continue;
    await em.flush();
    await Spillway.of(orm).drain();
    return made.id;
  }
}

async function rename(id: string, name: string): Promise<void> {
  const em = orm.em.fork();
  (await em.findOneOrFail(Product, id)).name = name;
  await em.flush();
}

async function names(em: SqlEntityManager): Promise<string[]> {
  const rows = await em.fork({ keepTransactionContext: true }).find(Product, {}, { orderBy: { name: 1 } });
  return rows.map(({ name }) => name);
}

async function lock(em: SqlEntityManager, id: string): Promise<Product> {
  return em.findOneOrFail(Product, id, { lockMode: LockMode.PESSIMISTIC_WRITE });
}

describe('H12: in a transaction that has written or locked a query does not wait for what only the transaction can write', () => {
  test('own keys are promoted, and what nothing is in the way of is drained', async () => {
    const [mine, elsewhere] = [await product('a', 0), await product('b', 1)];
    await orm.em.fork().transactional(async (em) => {
      await lock(em, mine);
      await rename(mine, 'a2');
      await rename(elsewhere, 'b2');
      const before = drains();
      expect(await names(em)).toEqual(['a2', 'b2']);
      expect(drains()).toBeGreaterThan(before);
    });
    expect((await Spillway.of(orm).status()).writes['Product']).toMatchObject({ 'promoted-inside': 1 });
  });

  test('what is pending of the shards that it has is promoted too, whatever its rows', async () => {
    const [mine, beside, elsewhere] = [await product('a', 0), await product('b', 0), await product('c', 1)];
    await orm.em.fork().transactional(async (em) => {
      await lock(em, mine);
      await rename(mine, 'a2');
      expect(await names(em)).toEqual(['a2', 'b', 'c']);
      await rename(beside, 'b2');
      await rename(elsewhere, 'c2');
      const before = drains();
      expect(await names(em)).toEqual(['a2', 'b2', 'c2']);
      expect(drains()).toBeGreaterThan(before);
      expect(lagging()).toEqual([]);
    });
    expect(await names(orm.em.fork())).toEqual(['a2', 'b2', 'c2']);
    expect((await Spillway.of(orm).status()).writes['Product']).toMatchObject({ 'promoted-inside': 2 });
  });

  test('what its locks past MikroORM are in the way of is promoted when the flush has given way', async () => {
    const id = await product('a', 0);
    await orm.em.fork().transactional(async (em) => {
      await em.execute('select from product where id = ? for update', [id]);
      await rename(id, 'a2');
      expect(await names(em)).toEqual(['a2']);
    });
  });

  test('of what somebody else has locked it answers from the database, and the event lagging says so', async () => {
    const [mine, beside] = [await product('a', 0), await product('b', 0)];
    const locked = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const other = orm.em.fork().transactional(async (em) => {
      await em.execute('select from product where id = ? for update', [beside]);
      locked.resolve();
      await done.promise;
    });
    await locked.promise;
    await orm.em.fork().transactional(async (em) => {
      await lock(em, mine);
      await rename(mine, 'a2');
      expect(await names(em)).toEqual(['a2', 'b']);
      await rename(beside, 'b2');
      events = events.filter(({ type }) => type !== 'lagging');
      expect(await names(em)).toEqual(['a2', 'b']);
      expect(lagging()).toEqual([{ type: 'lagging', reason: 'transaction' }]);
    });
    done.resolve();
    await other;
    expect(await names(orm.em.fork())).toEqual(['a2', 'b2']);
  });

  test('above read committed, where nothing is written in it, neither', async () => {
    const [mine, elsewhere] = [await product('a', 0), await product('b', 1)];
    await orm.em.fork().transactional(
      async (em) => {
        await lock(em, mine);
        await rename(mine, 'a2');
        await rename(elsewhere, 'b2');
        const before = drains();
        // Its snapshot is older than both.
        expect(await names(em)).toEqual(['a', 'b']);
        expect(drains()).toBeGreaterThan(before);
        expect(lagging()).toEqual([{ type: 'lagging', reason: 'transaction' }]);
        expect(await orm.em.fork().findOne(Product, { name: 'b2' })).toMatchObject({ id: elsewhere });
      },
      { isolationLevel: IsolationLevel.REPEATABLE_READ },
    );
    expect(await names(orm.em.fork())).toEqual(['a2', 'b2']);
  });
});

test('H6 (d): a pessimistic lock keeps SQL away, and nobody from staging; what is staged is written after it', async () => {
  const id = await product('a', 0);
  await orm.em.fork().transactional(async (em) => {
    await lock(em, id);
    await rename(id, 'b');
    expect(await orm.em.fork().findOne(Product, id)).toMatchObject({ name: 'b', version: 2 });
    await rename(id, 'c');
    const [row] = await em.execute('select name from product where id = ?', [id]);
    expect(row).toEqual({ name: 'a' });
  });
  expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  const [row] = await orm.em.fork().execute('select name, version from product where id = ?', [id]);
  expect(row).toEqual({ name: 'c', version: 3 });
});

test('H3: what a transaction that holds has had to write itself is not laid over its look-ups once more', async () => {
  const id = await product('a', 0);
  const seen = async (em: SqlEntityManager): Promise<number> => {
    const found = await em.fork({ keepTransactionContext: true }).findOneOrFail(Product, id);
    return found.views;
  };
  await orm.em.fork().transactional(
    async (em) => {
      await lock(em, id);
      await Spillway.of(orm).increment(Product, id, { views: 2 });
      expect(await em.fork({ keepTransactionContext: true }).count(Product, { views: 2 })).toBe(1);
      expect(await seen(em)).toBe(2);
      await Spillway.of(orm).increment(Product, id, { views: 3 });
      expect(await seen(em)).toBe(5);
    },
    { spillway: 'stage' },
  );
  await Spillway.of(orm).drain();
  expect(await seen(orm.em.fork())).toBe(5);
});
