import { defineEntity, type InferEntity, MikroORM, type Options, p } from '@mikro-orm/postgresql';
import { freshNamespace, sharedDatabaseUrl, sharedRedisUrl } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';
import { runSql } from '../life/sql.js';

const Seat = defineEntity({
  name: 'Seat',
  tableName: 'made_seat',
  properties: { id: p.integer().primary().autoincrement(), name: p.string(), version: p.integer().version() },
});
WriteBehind<InferEntity<typeof Seat>>({ debounce: '10ms', maxDelay: '50ms' })(Seat.class);
const Plain = defineEntity({
  name: 'Plain',
  tableName: 'made_plain',
  properties: { id: p.integer().primary(), name: p.string() },
});

let name: string;
let url: string;
const orms: MikroORM[] = [];
beforeEach(() => {
  name = freshNamespace('made');
  const target = new URL(sharedDatabaseUrl());
  target.pathname = `/${name}`;
  url = target.href;
});
afterEach(async () => {
  await Promise.all(orms.splice(0).map((orm) => orm.close()));
  await runSql(sharedDatabaseUrl(), `drop database if exists ${name} with (force)`);
});

async function open(options: Partial<Options> = {}, own: Partial<SpillwayOptions> = {}): Promise<MikroORM> {
  const orm = await MikroORM.init({
    entities: [Seat, Plain],
    clientUrl: url,
    ensureDatabase: { create: true },
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 4,
        tables: { ensure: true },
        ...own,
      }),
    ],
    ...options,
  });
  orms.push(orm);
  return orm;
}

async function add(orm: MikroORM, of: string): Promise<void> {
  const em = orm.em.fork();
  em.create(Seat, { name: of });
  await em.flush();
}

/** What stands in the database, once everything is written. */
async function seats(orm: MikroORM): Promise<unknown> {
  await Spillway.of(orm).drain();
  return runSql(url, 'select name from made_seat order by name');
}

const FIRST_USES: readonly [string, (orm: MikroORM) => Promise<unknown>][] = [
  ['a flush', async (orm) => add(orm, 'first')],
  ['a look-up', async (orm) => orm.em.fork().findOne(Seat, 1)],
  ['a query', async (orm) => orm.em.fork().find(Seat, { name: 'first' })],
  ['a query of what is not written behind', async (orm) => orm.em.fork().find(Plain, {})],
  ['a transaction', async (orm) => orm.em.fork().transactional(async (em) => void em.create(Seat, { name: 'first' }))],
  ['Spillway.start()', async (orm) => Spillway.of(orm).start()],
  ['drain()', async (orm) => Spillway.of(orm).drain()],
  ['status()', async (orm) => Spillway.of(orm).status()],
  ['health()', async (orm) => expect(await Spillway.of(orm).health()).toMatchObject({ status: 'up' })],
  ['patch() of another row', async (orm) => Spillway.of(orm).patch(Seat, 9, { name: 'x' })],
  ['orm.connect()', async (orm) => orm.connect()],
  [
    'many at once',
    async (orm) =>
      Promise.all([
        add(orm, 'first'),
        add(orm, 'first'),
        orm.em.fork().find(Plain, {}),
        orm.em.fork().find(Seat, {}),
        Spillway.of(orm).start(),
        Spillway.of(orm).status(),
        orm.em.fork().transactional(async (em) => em.find(Plain, {})),
      ]),
  ],
];

describe('where MikroORM makes its database first, the first use makes it too:', () => {
  test.each(FIRST_USES)('%s', async (_, use) => {
    const orm = await open();
    await use(orm);
    await add(orm, 'second');
    expect(await seats(orm)).toContainEqual({ name: 'second' });
  });
});

test('a database without tables, which MikroORM makes by itself, is used as one that was there', async () => {
  const orm = await open({ ensureDatabase: true });
  await Spillway.of(orm).start();
  await orm.schema.create();
  await add(orm, 'one');
  expect(await seats(orm)).toEqual([{ name: 'one' }]);
});

test('a database that MikroORM clears at its start has nothing pending of before', async () => {
  const namespace = freshNamespace();
  const own: Partial<SpillwayOptions> = { namespace, worker: false, defaults: { debounce: '1h', maxDelay: '1h' } };
  const before = await open({}, own);
  await add(before, 'of before');
  await before.close();
  const orm = await open({ ensureDatabase: { clear: true } }, own);
  await add(orm, 'of now');
  expect(await seats(orm)).toEqual([{ name: 'of now' }]);
});

test('a database that may not be made is an error that says why', async () => {
  const role = freshNamespace('maker');
  await runSql(sharedDatabaseUrl(), `create role ${role} login password 'secret'`);
  const theirs = new URL(url);
  [theirs.username, theirs.password] = [role, 'secret'];
  const orm = await open({ clientUrl: theirs.href });
  const refused = {
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringMatching(/ensureDatabase.* has failed: .*SQLSTATE 42501/) as unknown,
  };
  await expect(add(orm, 'none')).rejects.toMatchObject(refused);
  // Nor does MikroORM stay at the database from which it would have made this one.
  await expect(add(orm, 'none')).rejects.toMatchObject(refused);
  expect(orm.config.get('dbName')).toBe(name);
  await runSql(sharedDatabaseUrl(), `alter role ${role} createdb`);
  await add(orm, 'at last');
  expect(await seats(orm)).toEqual([{ name: 'at last' }]);
  await orm.close();
  await runSql(sharedDatabaseUrl(), `drop database ${name} with (force)`);
  await runSql(sharedDatabaseUrl(), `drop role ${role}`);
});

test('a database that is not there, and is not to be made, is refused by name', async () => {
  const orm = await open({ ensureDatabase: false });
  await expect(add(orm, 'none')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
});

describe('what leads MikroORM to another database for a while', () => {
  test('does not lead Spillway there, however much is done meanwhile', async () => {
    const orm = await open({}, { worker: { pollInterval: '5ms' } });
    await Spillway.of(orm).start();
    await add(orm, 'gone');
    for (let round = 0; round < 3; round += 1) {
      const dropping = orm.schema.dropDatabase(name);
      const meanwhile = [Spillway.of(orm).status(), Spillway.of(orm).health(), orm.em.fork().findOne(Seat, 1)];
      await Promise.all([dropping, ...meanwhile.map(async (each: Promise<unknown>) => each.catch(() => undefined))]);
      await orm.schema.createDatabase(name);
      await orm.schema.create();
      await add(orm, `round ${round}`);
      expect(await seats(orm)).toEqual([{ name: `round ${round}` }]);
    }
    const target = new URL(url);
    target.pathname = '/postgres';
    expect(await runSql(target.href, `select to_regclass('spillway_shard') as made`)).toEqual([{ made: null }]);
  });
});
