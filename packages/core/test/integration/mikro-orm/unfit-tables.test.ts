import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spillway, Spillway } from '../../../src/index.js';

const Room = defineEntity({
  name: 'Room',
  tableName: 'room',
  properties: { id: p.integer().primary(), name: p.string() },
});

let db: Database;
beforeAll(async () => {
  db = await database();
});
afterAll(async () => db.drop());

/** An ORM over a relation `room` that is made like this. */
async function roomsIn(ddl: string, searchPath = 'public') {
  const orm = await MikroORM.init({
    entities: [Room],
    clientUrl: db.url,
    driverOptions: { options: `-c search_path=${searchPath}` },
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        shards: 1,
        worker: false,
        tables: { ensure: true },
        policies: [[Room, {}]],
      }),
    ],
  });
  await orm.em.execute('drop schema public cascade; create schema public; drop schema if exists app cascade');
  await orm.em.execute(ddl);
  const save = async (id: number): Promise<void> => {
    const em = orm.em.fork();
    em.create(Room, { id, name: 'new' });
    await em.flush();
  };
  return { orm, save, [Symbol.asyncDispose]: async () => orm.close() };
}

const INSTEAD = `create table room_below (id int primary key, name text);
  create view room as select * from room_below;
  create function write_below() returns trigger language plpgsql as $$
    begin insert into room_below values (new.id, new.name); return new; end $$;
  create trigger write_below instead of insert on room for each row execute function write_below()`;

test.each([
  ['a view with `instead of` triggers', INSTEAD, /is a view with `instead of` triggers/],
  [
    'a view of groups',
    "create view room as select 1 as id, max(name) as name from (values ('a')) as v(name) group by 1",
    /inserts no row into/,
  ],
  ['a materialized view', "create materialized view room as select 1 as id, 'a'::text as name", /materialized view/],
  ['a table without its key', 'create table room (id int, name text)', /no primary key and no unique constraint/],
  [
    'a partitioned table with a wider key',
    'create table room (id int, name text, primary key (id, name)) partition by list (name)',
    /of exactly "id"/,
  ],
  [
    'a table whose key holds for some rows',
    "create table room (id int, name text); create unique index on room (id) where name <> ''",
    /of exactly "id"/,
  ],
] as const)('%s is refused at the first use, by name, with the remedy, and staged is nothing', async (_, ddl, why) => {
  await using rooms = await roomsIn(ddl);
  const refused = { code: 'ENTITY_UNSUPPORTED', message: expect.stringMatching(why) };
  await expect(rooms.save(1)).rejects.toMatchObject(refused);
  await expect(Spillway.of(rooms.orm).start()).rejects.toMatchObject(refused);
  await expect(Spillway.of(rooms.orm).health()).resolves.toMatchObject({
    status: 'down',
    states: ['configuration'],
    problems: [expect.stringContaining('Room cannot be written behind: "public"."room"')],
  });
});

test.each([
  [
    'a table with a unique index for its key',
    'create table room (id int not null, name text); create unique index on room (id)',
  ],
  ['a table with a key that is checked late', 'create table room (id int primary key deferrable, name text)'],
  [
    'a partitioned table',
    'create table room (id int primary key, name text) partition by range (id); create table room_1 partition of room default',
  ],
  [
    'a view that PostgreSQL writes through',
    'create table room_below (id int primary key, name text); create view room as select * from room_below',
  ],
])('%s is written', async (_, ddl) => {
  await using rooms = await roomsIn(ddl);
  await rooms.save(1);
  expect(await Spillway.of(rooms.orm).drain()).toEqual({ left: 0 });
  expect(await rooms.orm.em.execute('select id, name from room')).toEqual([{ id: 1, name: 'new' }]);
});

test('a table that the search_path has found is looked at where it is', async () => {
  const [fit, unfit] = ['room (id int primary key, name text)', 'room (id int, name text)'];
  {
    await using rooms = await roomsIn(
      `create table public.${fit}; create schema app; create table app.${unfit}`,
      'app',
    );
    await expect(rooms.save(1)).rejects.toMatchObject({
      code: 'ENTITY_UNSUPPORTED',
      message: expect.stringContaining('Room cannot be written behind: "app"."room" has no primary key') as unknown,
    });
  }
  await using rooms = await roomsIn(`create table public.${unfit}; create schema app; create table app.${fit}`, 'app');
  await rooms.save(1);
  expect(await Spillway.of(rooms.orm).drain()).toEqual({ left: 0 });
  expect(await rooms.orm.em.execute('select name from app.room')).toEqual([{ name: 'new' }]);
});

test('a table that is made after the first use is written', async () => {
  await using rooms = await roomsIn('select 1');
  await Spillway.of(rooms.orm).start();
  await rooms.orm.em.execute('create table room (id int primary key, name text)');
  await rooms.save(1);
  expect(await Spillway.of(rooms.orm).drain()).toEqual({ left: 0 });
});

test('what is refused is written once it is mended, in the same process', async () => {
  await using rooms = await roomsIn('create table room (id int, name text)');
  await expect(rooms.save(1)).rejects.toMatchObject({ code: 'ENTITY_UNSUPPORTED' });
  await rooms.orm.em.execute('alter table room add primary key (id)');
  await rooms.save(1);
  expect(await Spillway.of(rooms.orm).drain()).toEqual({ left: 0 });
});

test('a temporal key is refused: by Spillway where PostgreSQL has them, by PostgreSQL before', async () => {
  const ddl = `create extension if not exists btree_gist;
    create table room (id int, name text, valid_at daterange not null default '[2020-01-01,)',
      primary key (id, valid_at without overlaps))`;
  await using any = await roomsIn('select 1');
  const version = await any.orm.em.execute<{ number: string }[]>(
    `select current_setting('server_version_num') as number`,
  );
  const written = async (): Promise<void> => {
    await using rooms = await roomsIn(ddl);
    await rooms.save(1);
  };
  const why =
    Number(version[0]?.number) < 180_000
      ? /syntax error.*without/
      : /has a temporal key \(`without overlaps`\), so "id" may stand in several rows.*ENTITY_UNSUPPORTED/;
  await expect(written()).rejects.toThrow(why);
});
