import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';

const Item = defineEntity({
  name: 'Item',
  properties: {
    id: p.integer().primary(),
    tenant: p.integer(),
    name: p.string(),
    views: p.integer().default(0),
    version: p.integer().version(),
  },
});
const Plain = defineEntity({
  name: 'Plain',
  properties: { id: p.integer().primary(), tenant: p.integer(), name: p.string() },
});
WriteBehind({ queries: 'overlay', counters: ['views'] })(Item.class as never);
WriteBehind({ queries: 'overlay' })(Plain.class as never);

let db: Database;
let orm: MikroORM;
/** Happens once, between the query's reading of its rows and its look at what is pending of them. */
let meanwhile: (() => Promise<void>) | undefined;

beforeAll(async () => {
  db = await database();
  const store = memoryStaging({ shards: 4 });
  const staging: StagingStore = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== 'peek') return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      return async (keys: Parameters<StagingStore['peek']>[0]) => {
        const act = meanwhile;
        meanwhile = undefined;
        await act?.();
        return target.peek(keys);
      };
    },
  });
  orm = await MikroORM.init({
    entities: [Item, Plain],
    clientUrl: db.url,
    extensions: [spillway({ staging, shards: 4, worker: false, tables: { ensure: true } })],
  });
  await orm.schema.create();
  const em = orm.em.fork();
  for (let id = 1; id <= 9; id += 1) {
    em.create(Item, { id, tenant: 1, name: 'old' });
    em.create(Plain, { id, tenant: 1, name: 'old' });
  }
  await em.flush();
  await Spillway.of(orm).drain();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function change(entity: typeof Item | typeof Plain, id: number, values: object): Promise<void> {
  const em = orm.em.fork();
  em.assign(await em.findOneOrFail(entity as typeof Item, id), values);
  await em.flush();
}

const drain = async (): Promise<void> => {
  await Spillway.of(orm).drain();
};

test.each([
  ['has a version', Item],
  ['has none', Plain],
] as const)('a row that %s and is written after it was read is not shown as it was (H3)', async (_, entity) => {
  await change(entity, 1, { name: 'new' });
  meanwhile = drain;
  const [found] = await orm.em.fork().find(entity as typeof Item, { tenant: 1, id: { $lte: 1 } });
  expect(meanwhile).toBeUndefined();
  expect(found?.name).toBe('new');
});

test('a difference that is written after the row was read is counted once (H3)', async () => {
  await Spillway.of(orm).increment(Item, 2, { views: 5 });
  meanwhile = drain;
  const [found] = await orm.em.fork().find(Item, { tenant: 1, id: { $gte: 2, $lte: 2 } });
  expect(found?.views).toBe(5);
});

test('a row that is deleted after it was read is gone (H3)', async () => {
  const em = orm.em.fork();
  em.remove(await em.findOneOrFail(Item, 3));
  await em.flush();
  meanwhile = drain;
  expect(await orm.em.fork().find(Item, { tenant: 1, id: { $gte: 3, $lte: 3 } })).toEqual([]);
});

test.each([
  ['has a version', Item],
  ['has none', Plain],
] as const)(
  'a row that %s and moves to another tenant after it was read is not shown to the old one (H3)',
  async (_, entity) => {
    await change(entity, 4, { tenant: 2, name: 'secret' });
    meanwhile = drain;
    expect(await orm.em.fork().find(entity as typeof Item, { tenant: 1, id: { $gte: 4, $lte: 4 } })).toEqual([]);
  },
);

test('a row that is changed and moved after it was read is not shown to the old tenant (H3)', async () => {
  meanwhile = async () => change(Item, 5, { tenant: 2, name: 'secret' });
  expect(await orm.em.fork().find(Item, { tenant: 1, id: { $gte: 5, $lte: 5 } })).toEqual([]);
});
