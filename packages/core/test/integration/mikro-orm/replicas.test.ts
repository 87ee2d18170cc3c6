import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import {
  database,
  freshNamespace,
  postgres,
  replicaOf,
  sharedRedisUrl,
  type Database,
  type PrivatePostgres,
  type Replica,
} from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const properties = { id: p.integer().primary(), name: p.string(), size: p.integer().default(1) };
/** Read where MikroORM sends reads, which is the replica, unless somebody says otherwise. */
const Near = defineEntity({ name: 'Near', properties: { ...properties, version: p.integer().version() } });
const Bare = defineEntity({ name: 'Bare', properties });
const Counted = defineEntity({ name: 'Counted', properties: { ...properties, version: p.integer().version() } });
const Main = defineEntity({ name: 'Main', properties: { ...properties, version: p.integer().version() } });
const Copied = defineEntity({ name: 'Copied', properties: { ...properties, version: p.integer().version() } });
const Plain = defineEntity({ name: 'Plain', properties });
WriteBehind({ reads: 'replica' })(Near.class as never);
WriteBehind({ reads: 'replica' })(Bare.class as never);
WriteBehind({ reads: 'replica', counters: ['size'] })(Counted.class as never);
WriteBehind()(Main.class as never);
WriteBehind({ reads: 'replica', cache: { ttl: '5m' } })(Copied.class as never);

let server: PrivatePostgres;
let db: Database;
let replica: Replica;
let orm: MikroORM;

/** The replica has rows 1 to 9 of each as they were first, and is an hour behind from then on. */
beforeAll(async () => {
  server = await postgres();
  db = await database({ url: server.url });
  const entities = [Near, Bare, Counted, Main, Copied, Plain];
  const first = await MikroORM.init({ entities, clientUrl: db.url });
  await first.schema.create();
  const rows = Array.from({ length: 9 }, (_, index) => ({ id: index + 1, name: 'old' }));
  for (const entity of entities) await first.em.fork().insertMany(entity as Entity, rows);
  await first.close();
  replica = await replicaOf(server, { recovery_min_apply_delay: '1h' });
  orm = await MikroORM.init({
    entities,
    clientUrl: db.url,
    replicas: [{ name: 'behind', host: '127.0.0.1', port: replica.port }],
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
});

afterAll(async () => {
  await orm.close();
  await replica.stop();
  await db.drop();
  await server.stop();
});

type Entity = typeof Near;
const em = (): EntityManager => orm.em.fork();
const drain = async (): Promise<unknown> => Spillway.of(orm).drain();
const nameOf = async (entity: unknown, id: number, options: object = {}): Promise<string | undefined> =>
  (await em().findOne(entity as Entity, id, options))?.name;

async function rename(entity: unknown, id: number, name: string): Promise<void> {
  const fork = em();
  (await fork.findOneOrFail(entity as Entity, id)).name = name;
  await fork.flush();
}

test('the replica is real, and behind', async () => {
  const fork = em();
  await fork.execute("update plain set name = 'new' where id = 1");
  expect(await nameOf(Plain, 1)).toBe('old');
  expect(await nameOf(Plain, 1, { connectionType: 'write' })).toBe('new');
});

describe.each([
  ['primary', Main],
  ['replica', Near],
  ['replica, of rows without a version', Bare],
  ['replica, of rows with counters', Counted],
])('with reads from the %s (F38)', (_, entity) => {
  test('a look-up sees what is pending, and what has been written', async () => {
    await rename(entity, 1, 'staged');
    expect(await nameOf(entity, 1)).toBe('staged');
    await drain();
    expect(await nameOf(entity, 1)).toBe('staged');
    await rename(entity, 1, 'staged again');
    expect(await nameOf(entity, 1)).toBe('staged again');
    await drain();
    expect(await nameOf(entity, 1)).toBe('staged again');
  });

  test('a pending change goes on from the row that the primary has', async () => {
    await rename(entity, 2, 'written');
    await drain();
    const fork = em();
    (await fork.findOneOrFail(entity as Entity, 2)).size = 7;
    await fork.flush();
    expect(await em().findOne(entity as Entity, 2)).toMatchObject({ name: 'written', size: 7 });
    await drain();
    expect(await em().findOne(entity as Entity, 2)).toMatchObject({ name: 'written', size: 7 });
  });

  test('rows that were inserted are there, and deleted ones are gone', async () => {
    const fork = em();
    fork.create(entity as Entity, { id: 100, name: 'new' });
    fork.remove(await fork.findOneOrFail(entity as Entity, 3));
    await fork.flush();
    for (const written of [false, true]) {
      if (written) await drain();
      expect(await nameOf(entity, 100)).toBe('new');
      expect(await nameOf(entity, 3)).toBeUndefined();
      const found = await em().find(entity as Entity, { id: { $in: [3, 4, 100] } });
      expect(new Set(found.map(({ id }) => id))).toEqual(new Set([4, 100]));
    }
  });

  test('a query drains and sees all of it', async () => {
    await rename(entity, 5, 'found');
    expect((await em().find(entity as Entity, { name: 'found' })).map(({ id }) => id)).toEqual([5]);
    expect(await em().count(entity as Entity, { name: 'found' })).toBe(1);
    expect((await em().find(entity as Entity, { name: 'found' })).map(({ id }) => id)).toEqual([5]);
  });

  test('a query with overlay shows no row older than what is known of it', async () => {
    await rename(entity, 6, 'written');
    await drain();
    const names = async (): Promise<string[]> =>
      (
        await em().find(entity as Entity, { id: { $gte: 6, $lte: 7 } }, { spillway: 'overlay', orderBy: { id: 1 } })
      ).map(({ name }) => name);
    expect(await names()).toEqual(['written', 'old']);
    await rename(entity, 6, 'staged');
    expect(await names()).toEqual(['staged', 'old']);
  });
});

test('what nothing is known of is read from the replica, where the policy allows it', async () => {
  await em().execute("update near set name = 'by SQL' where id = 9");
  await em().execute("update main set name = 'by SQL' where id = 9");
  expect(await nameOf(Near, 9)).toBe('old');
  expect(await nameOf(Main, 9)).toBe('by SQL');
  const found = async (entity: unknown): Promise<number> =>
    (await em().find(entity as Entity, { name: 'by SQL' }, { spillway: 'database' })).length;
  expect([await found(Near), await found(Main)]).toEqual([0, 1]);
});

describe('H17 (R8): what fills a copy is read from the primary, whatever the policy says of reads', () => {
  test('a row that a transaction has written by SQL is not kept as a lagging replica has it', async () => {
    await em().transactional(async (fork) => {
      (await fork.findOneOrFail(Copied, 1)).name = 'by a transaction';
    });
    // Nothing of it was staged, so nothing is remembered by which the replica's row could be told to be old.
    expect(await nameOf(Copied, 1)).toBe('by a transaction');
    expect(await nameOf(Copied, 1)).toBe('by a transaction');
  });

  test('of several rows, too, and where the caller asks for the replica', async () => {
    await em().transactional(async (fork) => {
      for (const row of await fork.find(Copied, { id: { $in: [2, 3] } })) row.name = 'by a transaction';
    });
    for (let times = 0; times < 2; times += 1) {
      const found = await em().find(Copied, { id: { $in: [2, 3] } }, { connectionType: 'read' });
      expect(found.map(({ name }) => name)).toEqual(['by a transaction', 'by a transaction']);
    }
  });

  test('a row that gets no copy is read where the policy says', async () => {
    await rename(Copied, 5, 'staged');
    await em().execute('update copied set size = 7 where id = 4');
    await em().execute('update copied set size = 7 where id = 5');
    expect(await em().findOne(Copied, 4)).toMatchObject({ size: 7 });
    // Something is pending of it: nothing is kept, and the replica has the row that the change goes on from.
    expect(await em().findOne(Copied, 5)).toMatchObject({ name: 'staged', size: 1 });
  });
});
