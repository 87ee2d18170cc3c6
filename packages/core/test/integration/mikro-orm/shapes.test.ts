import { defineEntity, OptimisticLockError, p, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Account = defineEntity({
  name: 'Account',
  properties: {
    id: p.integer().primary(),
    owner: p.string().concurrencyCheck(),
    balance: p.decimal().precision(10).scale(2).concurrencyCheck(),
    note: p.string().nullable(),
  },
});
const Article = defineEntity({
  name: 'Article',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    body: p.text().lazy().nullable(),
    draft: p.string().persist(false).nullable(),
    version: p.integer().version(),
  },
});
const Box = defineEntity({
  name: 'Box',
  properties: {
    id: p.integer().primary(),
    width: p.integer(),
    doubled: p.integer().formula((columns) => `${columns.width} * 2`),
  },
});
for (const schema of [Account, Article, Box]) WriteBehind()(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Account, Article, Box]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending);
}

/** What MikroORM makes of a flush: whether it throws its own error is a part of the answer. */
async function flushed(em: EntityManager): Promise<string> {
  return em.flush().then(
    () => 'written',
    (error: unknown) => (error instanceof OptimisticLockError ? 'stale' : String(error)),
  );
}

test('concurrencyCheck compares what was loaded with the row, whatever was staged before', async () => {
  await both.same(async (em) => {
    em.create(Account, { id: 1, owner: 'Ann', balance: '10' } as never);
    await em.flush();
  });
  expect(await pending()).toEqual(['Account']);
  await both.same(async (em) => {
    const stale = em.fork();
    const [first, second] = [await em.findOneOrFail(Account, 1), await stale.findOneOrFail(Account, 1)];
    Object.assign(first as object, { owner: 'Bea' });
    Object.assign(second as object, { owner: 'Cid' });
    return [await flushed(em), await flushed(stale)];
  });
  await both.same(async (em) => {
    // MikroORM's own rule: one of the compared properties has to change.
    Object.assign(await em.findOneOrFail(Account, 1), { note: 'alone' });
    const answer = await flushed(em);
    em.clear();
    return answer;
  });
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Account, 1), { note: 'together', balance: '11.50' });
    return flushed(em);
  });
  expect(await both.differences()).toEqual([]);
  await both.same(async (em) => em.findOneOrFail(Account, 1));
});

test('a lazy property is loaded when it is asked for, and staged when it is set', async () => {
  await both.same(async (em) => {
    em.create(Article, { id: 1, title: 'a', body: 'long' } as never);
    await em.flush();
  });
  expect(await pending()).toEqual(['Article']);
  await both.same(async (em) => em.findOneOrFail(Article, 1, { populate: ['body'] as never }));
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Article, 1), { body: 'longer' });
    await em.flush();
  });
  expect(await pending()).toEqual(['Article']);
  await both.same(async (em) => em.findOneOrFail(Article, 1, { populate: ['body'] as never }));
  expect(await both.differences()).toEqual([]);
});

test('a property that is not persisted is no change, and is nowhere written', async () => {
  await both.same(async (em) => {
    em.create(Article, { id: 2, title: 'a', draft: 'x' } as never);
    await em.flush();
  });
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Article, 2), { draft: 'y' });
    await em.flush();
  });
  await both.same(async (em) => em.findOneOrFail(Article, 2));
  expect(await both.differences()).toEqual([]);
});

test('a formula is right whenever the row is looked up', async () => {
  await both.same(async (em) => {
    em.create(Box, { id: 1, width: 4 } as never);
    await em.flush();
  });
  expect(await pending()).toEqual(['Box']);
  await both.same(async (em) => em.findOneOrFail(Box, 1));
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Box, 1), { width: 6 });
    await em.flush();
  });
  await both.same(async (em) => em.findOneOrFail(Box, 1));
  expect(await both.differences()).toEqual([]);
});
