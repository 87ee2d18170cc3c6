import { defineEntity, p, type EntityManager, type Options } from '@mikro-orm/postgresql';
import { eventually } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { Place, placedOrm, setting, type PlacedOrm, Thing, THING, writeBehind } from './places.js';

const properties = { id: p.integer().primary(), name: p.string(), size: p.integer().default(0) };
/** Says `public`, which MikroORM leaves out of its statements too. */
const Spoken = defineEntity({ name: 'Spoken', tableName: 'thing', schema: 'public', properties });
const Named = defineEntity({ name: 'Named', tableName: 'thing', schema: 'Other "One"', properties });
/** Numbered by the sequence of its table. */
const Numbered = defineEntity({
  name: 'Numbered',
  tableName: 'numbered',
  properties: { id: p.integer().primary().autoincrement(), name: p.string(), version: p.integer().version() },
});
const Held = defineEntity({ name: 'Held', tableName: 'held', properties });
for (const { class: entity } of [Spoken, Named, Numbered])
  WriteBehind({ debounce: '5ms', counters: [] })(entity as never);
WriteBehind({ debounce: '5ms', transactions: 'stage' })(Held.class as never);

const TABLES = (schema: string): string => `create schema if not exists "${schema.replaceAll('"', '""')}";
set search_path = "${schema.replaceAll('"', '""')}";
create table ${THING};
create table numbered (id serial primary key, name text not null, version int not null default 1);
create table held (id int primary key, name text not null, size int not null default 0);
reset search_path;`;

/** The tables are in `app`, where they are meant, and in `public` as well. */
let db: Place;

beforeAll(async () => {
  db = await Place.with(`${TABLES('app')} ${TABLES('public')} ${TABLES('Other "One"')} ${TABLES('tenant')}`);
});
afterAll(() => db[Symbol.asyncDispose]());

let id = 0;

/**
 * What a program leaves, as the ORM sees it and in both schemas; and whether new rows are numbered by the right
 * sequence.
 */
async function whereWritten(options: Partial<Options>): Promise<object> {
  await using placed = await placedOrm({ clientUrl: db.url, entities: [Thing, Numbered], ...options });
  const { orm, errors } = placed;
  id += 1;
  await writeBehind(orm, id);
  const [{ last } = {}] = await db.sql(`select setval('app.numbered_id_seq', 1000 * ${id})::int as last`);
  const em = orm.em.fork();
  const numbered = em.create(Numbered, { name: 'numbered' });
  await em.flush();
  await Spillway.of(orm).drain();
  return {
    byOrm: await orm.em.execute(`select name, size from thing where id = ${id}`),
    inApp: await db.sql(`select name, size from app.thing where id = ${id}`),
    inPublic: await db.sql('select name from public.thing union all select name from public.numbered'),
    step: numbered.id - Number(last),
    errors,
  };
}

const ROW = { name: 'written', size: 2 };
const IN_APP = { byOrm: [ROW], inApp: [ROW], inPublic: [], step: 1, errors: [] };

describe('another schema: with no schema configured a table is where its name leads, by the search_path of', () => {
  test('the role', async () => {
    const role = await db.role();
    await db.sql(`alter role ${role} set search_path = app`);
    expect(await whereWritten({ clientUrl: db.urlOf(role) })).toEqual(IN_APP);
  });

  test('the role, by its name ("$user")', async () => {
    await using own = await Place.with(TABLES('public'));
    const role = await own.role();
    await own.sql(TABLES(role));
    await using placed = await placedOrm({ clientUrl: own.urlOf(role) });
    await writeBehind(placed.orm, 1);
    expect(await own.names(`${role}.thing`)).toEqual(['written']);
    expect(await own.names('public.thing')).toEqual([]);
  });

  test('the database', async () => {
    await using own = await Place.with(`${TABLES('app')} ${TABLES('public')}`);
    await own.sql(`alter database ${own.name} set search_path = app, public`);
    await using placed = await placedOrm({ clientUrl: own.url });
    await writeBehind(placed.orm, 1);
    expect(await own.names('app.thing')).toEqual(['written']);
    expect(await own.names('public.thing')).toEqual([]);
  });

  test('driverOptions.options', async () => {
    expect(await whereWritten({ driverOptions: { options: '-c search_path=app,public' } })).toEqual(IN_APP);
  });

  test.each(['onCreateConnection', 'onReserveConnection'] as const)('%s', async (hook) => {
    expect(await whereWritten({ [hook]: setting('set search_path = app, public') })).toEqual(IN_APP);
  });

  test('onCreateConnection, where there is no such table in public', async () => {
    await using own = await Place.with(TABLES('app'));
    await using placed = await placedOrm({
      clientUrl: own.url,
      onCreateConnection: setting('set search_path = app, public'),
    });
    await writeBehind(placed.orm, 1);
    expect(await own.names('app.thing')).toEqual(['written']);
  });

  test('a connection of the application alone (onPoolCreated): that is refused by name', async () => {
    await using placed = await placedOrm({
      clientUrl: db.url,
      driverOptions: {
        onPoolCreated: (pool: { options: { options?: string } }) => (pool.options.options = '-c search_path=app'),
      },
    });
    const refused = await writeBehind(placed.orm, ++id).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(refused)).toContain('search_path app');
    expect(String(refused)).toContain('search_path public');
    expect(String(refused)).toContain('onCreateConnection');
  });
});

describe('another schema: a name with a schema leads where MikroORM writes it', () => {
  test('public, named in the entity, is left out as MikroORM leaves it out', async () => {
    await using placed = await placedOrm({
      clientUrl: db.url,
      entities: [Spoken],
      driverOptions: { options: '-c search_path=app' },
    });
    const em = placed.orm.em.fork();
    em.create(Spoken, { id: ++id, name: 'spoken' });
    await em.flush();
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name from app.thing where id = ${id}`)).toEqual([{ name: 'spoken' }]);
  });

  test.each(['tenant', 'Other "One"'])('schema: %s in the configuration, whatever the search_path', async (schema) => {
    await using placed = await placedOrm({
      clientUrl: db.url,
      schema,
      driverOptions: { options: '-c search_path=app' },
      entities: [Thing, Spoken],
    });
    await writeBehind(placed.orm, ++id);
    const quoted = `"${schema.replaceAll('"', '""')}"`;
    expect(await db.sql(`select name from ${quoted}.thing where id = ${id}`)).toEqual([{ name: 'written' }]);
    // Both are of one ORM: one goes by its schema, the other along the path.
    const em = placed.orm.em.fork();
    em.create(Spoken, { id, name: 'spoken' });
    await em.flush();
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name from app.thing where id = ${id}`)).toEqual([{ name: 'spoken' }]);
    expect(await db.sql(`select to_regclass('${quoted}.spillway_batch') is not null as made`)).toEqual([
      { made: true },
    ]);
  });

  test('schema= in clientUrl, which MikroORM reads when it connects', async () => {
    await using placed = await placedOrm({ clientUrl: `${db.url}?schema=tenant` });
    await writeBehind(placed.orm, ++id);
    const row = `from tenant.thing where id = ${id}`;
    expect(await db.sql(`select name ${row}`)).toEqual([{ name: 'written' }]);
    expect(await placed.orm.em.fork().findOneOrFail(Thing, id)).toMatchObject({ name: 'written', size: 2 });
    const em = placed.orm.em.fork();
    (await em.findOneOrFail(Thing, id)).name = 'again';
    await em.flush();
    expect((await Spillway.of(placed.orm).status()).pending).toEqual({ Thing: 1 });
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name ${row}`)).toEqual([{ name: 'again' }]);
    expect(await db.sql(`select from public.thing where id = ${id}`)).toEqual([]);
  });

  test('a schema of mixed case with quotes, named in the entity', async () => {
    await using placed = await placedOrm({ clientUrl: db.url, entities: [Named] });
    const em = placed.orm.em.fork();
    em.create(Named, { id: ++id, name: 'named' });
    await em.flush();
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name from "Other ""One""".thing where id = ${id}`)).toEqual([{ name: 'named' }]);
  });

  test('rows of another schema (em.fork({ schema }), the option schema) go there by SQL', async () => {
    await using placed = await placedOrm({ clientUrl: db.url, driverOptions: { options: '-c search_path=app' } });
    const em = placed.orm.em.fork({ schema: 'tenant' });
    em.create(Thing, { id: ++id, name: 'of a tenant' });
    await em.flush();
    const plain = placed.orm.em.fork();
    plain.create(Thing, { id: id + 1, name: 'of a tenant' }, { schema: 'tenant' });
    await plain.flush();
    id += 1;
    expect(await db.sql(`select id from tenant.thing where name = 'of a tenant' order by id`)).toEqual([
      { id: id - 1 },
      { id },
    ]);
    expect((await Spillway.of(placed.orm).status()).pending).toEqual({});
  });

  test('em.fork({ schema }) does not move an entity that names its schema: it is staged as ever', async () => {
    await using placed = await placedOrm({ clientUrl: db.url, entities: [Named] });
    const em = placed.orm.em.fork({ schema: 'tenant' });
    em.create(Named, { id: ++id, name: 'first' });
    await em.flush();
    const again = placed.orm.em.fork({ schema: 'tenant' });
    const row = await again.findOneOrFail(Named, id);
    expect((await placed.orm.em.fork().findOneOrFail(Named, id, { schema: 'tenant' })).name).toBe('first');
    row.name = 'second';
    await again.flush();
    expect((await Spillway.of(placed.orm).status()).pending).toEqual({ Named: 1 });
    await again.nativeUpdate(Named, { name: 'second' }, { size: 3 });
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name, size from "Other ""One""".thing where id = ${id}`)).toEqual([
      { name: 'second', size: 3 },
    ]);
    expect(await db.sql(`select from tenant.thing where id = ${id}`)).toEqual([]);
  });

  test('a schema that is set later moves MikroORM, so those rows go by SQL', async () => {
    await using placed = await placedOrm({ clientUrl: db.url });
    placed.orm.config.set('schema', 'tenant');
    const em = placed.orm.em.fork();
    em.create(Thing, { id: ++id, name: 'moved' });
    await em.flush();
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name from tenant.thing where id = ${id}`)).toEqual([{ name: 'moved' }]);
    expect(await db.sql(`select name from public.thing where id = ${id}`)).toEqual([]);
  });
});

describe('another schema: a transaction with a search_path of its own', () => {
  test('writes what it changes there itself, though its entity is held in transactions', async () => {
    await using placed = await placedOrm({ clientUrl: db.url, entities: [Held] });
    await placed.orm.em.fork().transactional(async (em) => {
      await em.execute('set local search_path = tenant');
      em.create(Held, { id: ++id, name: 'of a tenant' });
      await em.flush();
    });
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select name from tenant.held where id = ${id}`)).toEqual([{ name: 'of a tenant' }]);
    expect(await db.sql(`select name from public.held where id = ${id}`)).toEqual([]);
  });

  test('that it sets after it has held changes, is refused by name, and nothing goes anywhere', async () => {
    await using placed = await placedOrm({ clientUrl: db.url, entities: [Held] });
    const later = async (act: (em: EntityManager) => Promise<unknown>): Promise<unknown> =>
      placed.orm.em.fork().transactional(async (em) => {
        em.create(Held, { id: ++id, name: 'held' });
        await em.flush();
        await em.execute('set local search_path = tenant');
        await act(em);
      });
    const refused = {
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('another role or search_path') as unknown,
    };
    const held = later(async (em) => {
      em.create(Held, { id: ++id, name: 'held' });
      await em.flush();
    });
    await expect(held).rejects.toMatchObject(refused);
    // What is held already would have to be written in the transaction, to be found by its query.
    await expect(later(async (em) => em.find(Held, { name: 'held' }))).rejects.toMatchObject(refused);
    // Caught and committed: what was refused is written nowhere.
    await placed.orm.em.fork().transactional(async (em) => {
      em.create(Held, { id: 1_000, name: 'before' });
      await em.flush();
      await em.execute('set local search_path = tenant');
      em.create(Held, { id: 1_001, name: 'after' });
      await em.flush().catch(() => undefined);
      em.clear();
    });
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select id from tenant.held where name <> 'of a tenant'`)).toEqual([]);
    expect(await db.sql(`select id from public.held where id <= ${id} or id >= 1000`)).toEqual([{ id: 1_000 }]);
  });

  test('does not write what others have staged into its own schema', async () => {
    await using placed = await placedOrm({ clientUrl: db.url });
    const em = placed.orm.em.fork();
    em.create(Thing, { id: ++id, name: 'staged' });
    await em.flush();
    await placed.orm.em.fork().transactional(async (inner) => {
      await inner.execute('set local search_path = tenant');
      await inner.execute('lock table public.thing in share mode');
      await inner.count(Thing, { name: 'staged' }).catch(() => undefined);
    });
    // A flush may have met the lock, and put the row off.
    await eventually(async () => {
      await Spillway.of(placed.orm).drain();
      expect(await db.sql(`select name from public.thing where id = ${id}`)).toEqual([{ name: 'staged' }]);
    });
    expect(await db.sql(`select name from tenant.thing where id = ${id}`)).toEqual([]);
  });

  test('or with a role of its own: neither goes past the rights of that role', async () => {
    const role = await db.role('nologin');
    await db.sql(`grant usage on schema public to ${role}; grant select on all tables in schema public to ${role}`);
    await using placed = await placedOrm({ clientUrl: db.url, entities: [Held] });
    const attempt = placed.orm.em.fork().transactional(async (em) => {
      await em.execute(`set local role ${role}`);
      em.create(Held, { id: ++id, name: 'not allowed' });
      await em.flush();
    });
    await expect(attempt).rejects.toThrow(/permission denied for table/);
    await Spillway.of(placed.orm).drain();
    expect(await db.sql(`select from public.held where id = ${id}`)).toEqual([]);
  });
});

/** Spillway's own tables are in a schema that no test drops. */
const KEPT = { tables: { ensure: true, schema: 'kept' } };

describe('orm.schema throws away what is staged of the tables that it clears, where the path has found them', () => {
  type Generator = PlacedOrm['orm']['schema'] & {
    dropNamespace(name: string): Promise<void>;
    dropTableIfExists(name: string, schema?: string): Promise<void>;
  };

  /** What is pending after a call, of one row that was staged before, in a database with the table in both schemas. */
  async function pendingAfter(act: (schema: Generator) => Promise<unknown>): Promise<unknown> {
    await using own = await Place.with(`${TABLES('app')} ${TABLES('public')}`);
    await using placed = await placedOrm(
      { clientUrl: own.url, driverOptions: { options: '-c search_path=app' } },
      KEPT,
    );
    const em = placed.orm.em.fork();
    em.create(Thing, { id: 1, name: 'staged' });
    await em.flush();
    await act(placed.orm.schema);
    return (await Spillway.of(placed.orm).status()).pending;
  }

  test.each<[string, (schema: Generator) => Promise<unknown>]>([
    ["dropNamespace('app')", async (schema) => schema.dropNamespace('app').catch(() => undefined)],
    ["dropTableIfExists('thing', 'app')", async (schema) => schema.dropTableIfExists('thing', 'app')],
    ["dropTableIfExists('thing')", async (schema) => schema.dropTableIfExists('thing')],
    ['drop()', async (schema) => schema.drop()],
    ['clear()', async (schema) => schema.clear()],
  ])('%s', async (_, act) => {
    expect(await pendingAfter(act)).toEqual({});
  });

  test.each<[string, (schema: Generator) => Promise<unknown>]>([
    ["dropNamespace('public')", async (schema) => schema.dropNamespace('public').catch(() => undefined)],
    ["dropTableIfExists('thing', 'elsewhere')", async (schema) => schema.dropTableIfExists('thing', 'elsewhere')],
    // MikroORM goes by the metadata here, and leaves the table alone.
    ["drop({ schema: 'app' })", async (schema) => schema.drop({ schema: 'app' })],
    ["clear({ schema: 'app' })", async (schema) => schema.clear({ schema: 'app' })],
    ["drop({ schema: 'elsewhere' })", async (schema) => schema.drop({ schema: 'elsewhere' })],
  ])('but not %s', async (_, act) => {
    expect(await pendingAfter(act)).toEqual({ Thing: 1 });
  });
});

describe('the ledger', () => {
  test('is where tables.schema says, or else in the schema of the configuration, however the path leads', async () => {
    await using own = await Place.with(`${TABLES('app')} create schema "Own Place"`);
    await using placed = await placedOrm(
      { clientUrl: own.url, driverOptions: { options: '-c search_path=app' } },
      { tables: { ensure: true, schema: 'Own Place' } },
    );
    await writeBehind(placed.orm, 1);
    expect(await own.names('app.thing')).toEqual(['written']);
    expect(await own.sql(`select count(*)::int as n from "Own Place".spillway_batch where shard >= 0`)).not.toEqual([
      { n: 0 },
    ]);
  });

  test('is made in a schema that exists by a role that may make no schemas', async () => {
    await using own = await Place.with(TABLES('app'));
    const role = await own.role('login');
    await own.sql(`grant all on schema app to ${role}; grant all on all tables in schema app to ${role};
alter role ${role} set search_path = app`);
    await using placed = await placedOrm({ clientUrl: own.urlOf(role) }, { tables: { ensure: true, schema: 'app' } });
    await writeBehind(placed.orm, 1);
    expect(await own.sql('select writer from app.thing')).toEqual([{ writer: role }]);
  });

  test('that may not be made in public is refused with the remedies', async () => {
    await using own = await Place.with(TABLES('app'));
    const role = await own.role('login');
    await own.sql(`grant all on schema app to ${role}; alter role ${role} set search_path = app`);
    await using placed = await placedOrm({ clientUrl: own.urlOf(role) });
    const message = await writeBehind(placed.orm, 1).catch(String);
    expect(message).toContain('SQLSTATE 42501: a right is missing');
    expect(message).toContain("tables: { schema: '…' }");
  });
});
