import { defineEntity, p, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

const Note = defineEntity({
  name: 'Note',
  properties: {
    id: p.integer().primary(),
    name: p.string().default('old'),
    place: p.string().default('old'),
    version: p.integer().version(),
  },
});
WriteBehind({})(Note.class as never);

/**
 * An entity manager comes by a staged version in many ways. A caller who has seen what is staged is never told that it
 * is stale (R10b).
 */
const world = stagingOrm([Note]);
let orm: MikroORM;
let id = 0;

beforeEach(async () => {
  orm = world.orm;
  await Spillway.of(orm).drain();
  id += 1;
  const em = orm.em.fork();
  em.create(Note, { id });
  await em.flush();
  await Spillway.of(orm).drain();
});

const stage = { spillway: 'stage' } as const;

test('goes on in a transaction that clears its entity manager after a query has written what it holds', async () => {
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Note, id)).name = 'A';
    await em.flush();
    await em.find(Note, { name: 'A' });
    em.clear();
    (await em.findOneOrFail(Note, id)).name = 'B';
    await em.flush();
  }, stage);
  expect((await orm.em.fork().findOneOrFail(Note, id)).name).toBe('B');
});

test('goes on in a transaction that refreshes an entity after a query has written what it holds', async () => {
  await orm.em.fork().transactional(async (em) => {
    const row = await em.findOneOrFail(Note, id);
    row.name = 'A';
    await em.flush();
    await em.find(Note, { name: 'A' });
    await em.refresh(row);
    row.name = 'B';
    await em.flush();
  }, stage);
  expect((await orm.em.fork().findOneOrFail(Note, id)).name).toBe('B');
});

test('goes on after a transaction that has cleared its entity manager', async () => {
  const em = orm.em.fork();
  await em.findOneOrFail(Note, id);
  await em.transactional(async (inside) => {
    inside.clear();
    (await inside.findOneOrFail(Note, id)).name = 'A';
    await inside.flush();
  }, stage);
  const row = await em.findOneOrFail(Note, id);
  expect(row.name).toBe('A');
  row.name = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).name).toBe('B');
});

test('goes on after a transaction with an entity manager of its own', async () => {
  const em = orm.em.fork();
  await em.transactional(
    async (inside) => {
      (await inside.findOneOrFail(Note, id)).name = 'A';
    },
    { ...stage, clear: true },
  );
  const row = await em.findOneOrFail(Note, id);
  expect(row.name).toBe('A');
  row.name = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).name).toBe('B');
});

test('goes on with an entity that comes from the result cache', async () => {
  const writer = orm.em.fork();
  (await writer.findOneOrFail(Note, id)).name = 'A';
  await writer.flush();
  await orm.em.fork().findOneOrFail(Note, id, { cache: 60_000 });
  const em = orm.em.fork();
  const row = await em.findOneOrFail(Note, id, { cache: 60_000 });
  expect([row.name, row.version]).toEqual(['A', 2]);
  row.place = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).place).toBe('B');
});

test('goes on with an entity that is made managed with a version', async () => {
  const writer = orm.em.fork();
  (await writer.findOneOrFail(Note, id)).name = 'A';
  await writer.flush();
  const em = orm.em.fork();
  const row = em.create(Note, { id, name: 'A', place: 'old', version: 2 }, { managed: true, persist: false });
  row.place = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).place).toBe('B');
});

test('goes on with an entity that is persisted again after a clear', async () => {
  const em = orm.em.fork();
  const row = await em.findOneOrFail(Note, id);
  row.name = 'A';
  await em.flush();
  em.clear();
  em.persist(row);
  row.place = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).place).toBe('B');
});

test('goes on with an entity that another entity manager has loaded, persisted by a fresh one', async () => {
  const writer = orm.em.fork();
  (await writer.findOneOrFail(Note, id)).name = 'A';
  await writer.flush();
  const one = orm.em.fork();
  const row = await one.findOneOrFail(Note, id);
  one.clear();
  const em = orm.em.fork();
  em.persist(row);
  row.place = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).place).toBe('B');
});

test('goes on after a fork has changed the row, and a refresh', async () => {
  const em = orm.em.fork();
  const row = await em.findOneOrFail(Note, id);
  row.name = 'A';
  await em.flush();
  const keep = row;
  const fork = em.fork({ clear: false });
  const ofFork = await fork.findOneOrFail(Note, id);
  ofFork.place = 'F';
  await fork.flush();
  await em.refresh(keep);
  keep.name = 'C';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).name).toBe('C');
});

test('goes on with an entity that was serialised and merged', async () => {
  const writer = orm.em.fork();
  (await writer.findOneOrFail(Note, id)).name = 'A';
  await writer.flush();
  const em = orm.em.fork();
  const { name, place, version } = await orm.em.fork().findOneOrFail(Note, id);
  const row = em.merge(Note, { id, name, place, version });
  row.place = 'B';
  await em.flush();
  expect((await orm.em.fork().findOneOrFail(Note, id)).place).toBe('B');
});
