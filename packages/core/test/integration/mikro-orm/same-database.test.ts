import { defineEntity, MikroORM, p, type Options } from '@mikro-orm/postgresql';
import { postgres } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Place, placedOrm, setting, Thing, THING, writeBehind } from './places.js';

/** Where MikroORM writes, and another database that has the same table. */
let mine: Place;
let other: Place;

beforeAll(async () => {
  [mine, other] = await Promise.all([Place.with(`create table ${THING}`), Place.with(`create table ${THING}`)]);
});

afterAll(async () => {
  await mine[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

let id = 0;

/** Where the ORM itself is, and where what was written behind has arrived. */
async function whereWritten(options: Partial<Options>): Promise<object> {
  await using placed = await placedOrm(options);
  id += 1;
  await writeBehind(placed.orm, id);
  const [orm] = await placed.orm.em.execute<{ name: string }[]>(`select current_database() as name`);
  const row = `select name, size from thing where id = ${id}`;
  return { orm: orm?.name, mine: await mine.sql(row), other: await other.sql(row) };
}

const inMine = (): object => ({ orm: mine.name, mine: [{ name: 'written', size: 2 }], other: [] });

/** A dialect, or the Kysely instance, that another ORM has made. */
async function ofAnother<T>(place: Place, take: (connection: ReturnType<MikroORM['em']['getConnection']>) => T) {
  const orm = await MikroORM.init({ entities: [Thing], clientUrl: place.url });
  return { taken: take(orm.em.getConnection()), close: () => orm.close() };
}

interface WithDialect {
  createKyselyDialect(options: object): object;
  getClient(): object;
}

const FORMS: [string, (connection: WithDialect) => object][] = [
  ['a Kysely dialect', (connection) => connection.createKyselyDialect({})],
  ['a Kysely instance', (connection) => connection.getClient()],
  [
    'a function that answers a dialect',
    (connection) => {
      const dialect = connection.createKyselyDialect({});
      return () => dialect;
    },
  ],
];

describe('another database: Spillway reaches the one that MikroORM reaches, by', () => {
  test('a database in driverOptions, which goes before dbName', async () => {
    const { server } = mine;
    expect(await whereWritten({ ...server, dbName: other.name, driverOptions: { database: mine.name } })).toEqual(
      inMine(),
    );
  });

  test('server and user in driverOptions, which go before those of clientUrl', async () => {
    await using elsewhere = await postgres();
    const { host: _host, ...rest } = mine.server;
    expect(
      await whereWritten({
        clientUrl: elsewhere.url,
        dbName: mine.name,
        driverOptions: { ...rest, host: mine.server.host },
      }),
    ).toEqual(inMine());
  });

  test('a connectionString in driverOptions, which goes before everything', async () => {
    expect(await whereWritten({ clientUrl: other.url, driverOptions: { connectionString: mine.url } })).toEqual(
      inMine(),
    );
  });

  test('a dbName beside clientUrl, which goes before its path', async () => {
    expect(await whereWritten({ clientUrl: other.url, dbName: mine.name })).toEqual(inMine());
  });

  test('a function that answers options', async () => {
    expect(
      await whereWritten({
        clientUrl: other.url,
        driverOptions: () => ({ database: mine.name }),
      }),
    ).toEqual(inMine());
  });

  test('another ORM.reconnect() with other driverOptions', async () => {
    await using placed = await placedOrm({ clientUrl: other.url });
    expect(await placed.orm.em.fork().count(Thing)).toBe(0);
    await placed.orm.reconnect({ driverOptions: { database: mine.name } });
    await expect(writeBehind(placed.orm, ++id)).rejects.toMatchObject({ code: 'SHARD_MAP_MISMATCH' });
    expect(await whereWritten({ clientUrl: other.url, driverOptions: { database: mine.name } })).toEqual(inMine());
  });

  test.each(FORMS)('%s, if the settings beside it lead there too', async (_, form) => {
    const { taken, close } = await ofAnother(mine, (connection) => form(connection as unknown as WithDialect));
    expect(await whereWritten({ clientUrl: mine.url, driverOptions: taken })).toEqual(inMine());
    await close();
  });
});

describe('another database: it is refused by name at the first use, and nothing is made or written there, of', () => {
  test.each(FORMS)('%s that leads elsewhere than the settings beside it', async (_, form) => {
    const { taken, close } = await ofAnother(mine, (connection) => form(connection as unknown as WithDialect));
    await using wrong = await Place.with(`create table ${THING}`);
    await using placed = await placedOrm({ clientUrl: wrong.url, driverOptions: taken });
    const refused = { code: 'CONFIG_INVALID', message: expect.stringContaining('Kysely') as unknown };
    await expect(writeBehind(placed.orm, ++id)).rejects.toMatchObject(refused);
    const message = await writeBehind(placed.orm, id).catch(String);
    expect(message).toContain(`"${mine.name}"`);
    expect(message).toContain(`"${wrong.name}"`);
    expect(message).toContain('clientUrl');
    await expect(Spillway.of(placed.orm).start()).rejects.toMatchObject(refused);
    await expect(Spillway.of(placed.orm).drain()).rejects.toMatchObject(refused);
    expect(await wrong.sql(`select to_regclass('spillway_shard') as made`)).toEqual([{ made: null }]);
    await close();
  });

  test('a Kysely dialect with nothing beside it but a dbName', async () => {
    const { taken, close } = await ofAnother(mine, (connection) =>
      (connection as unknown as WithDialect).createKyselyDialect({}),
    );
    await using placed = await placedOrm({ dbName: mine.name, driverOptions: taken });
    const message = await writeBehind(placed.orm, ++id).catch(String);
    expect(message).toContain('driverOptions is a Kysely dialect');
    expect(message).toContain('clientUrl');
    await close();
  });

  test('a database of the same name on another server', async () => {
    await using elsewhere = await postgres();
    const { taken, close } = await ofAnother(mine, (connection) =>
      (connection as unknown as WithDialect).createKyselyDialect({}),
    );
    const administrator = new pg.Client({ connectionString: elsewhere.url });
    await administrator.connect();
    await administrator.query(`create database ${mine.name}`);
    await administrator.end();
    await using placed = await placedOrm({ clientUrl: elsewhere.url, dbName: mine.name, driverOptions: taken });
    const message = await writeBehind(placed.orm, ++id).catch(String);
    expect(message).toContain('another server');
    await close();
  });
});

test('an ORM that decorates nothing does not ask another database what other releases stage', async () => {
  const Plain = defineEntity({
    name: 'Plain',
    tableName: 'thing',
    properties: { id: p.integer().primary(), name: p.text() },
  });
  const { taken, close } = await ofAnother(mine, (connection) => (connection as unknown as WithDialect).getClient());
  await using wrong = await Place.with(`create table ${THING}`);
  await using placed = await placedOrm({ entities: [Plain], clientUrl: wrong.url, driverOptions: taken });
  await expect(placed.orm.em.fork().find(Plain, { name: 'none' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`"${wrong.name}"`) as unknown,
  });
  await close();
});

describe('another role: Spillway writes as the one that MikroORM writes as, set in', () => {
  /** The role that an ORM is set to, that it has, and that has written its rows. */
  async function roles(options: (role: string) => Partial<Options>): Promise<readonly unknown[]> {
    const role = await mine.role();
    await using placed = await placedOrm({ clientUrl: mine.url, ...options(role) });
    id += 1;
    await writeBehind(placed.orm, id);
    const [orm] = await placed.orm.em.execute<{ role: string }[]>('select current_user::text as role');
    const [row] = await mine.sql(`select writer from thing where id = ${id} and size = 2`);
    return [role, orm?.role, row?.['writer']];
  }

  const ONE_ROLE = expect.toSatisfy(([first, ...others]: unknown[]) => others.every((role) => role === first));

  test.each(['onCreateConnection', 'onReserveConnection'] as const)('%s', async (hook) => {
    expect(await roles((role) => ({ [hook]: setting(`set role ${role}`) }))).toEqual(ONE_ROLE);
  });

  test('onReserveConnection, after reset all of a session context', async () => {
    expect(
      await roles((role) => ({
        sessionContext: 'connection',
        onCreateConnection: setting('set role none'),
        onReserveConnection: setting(`set role ${role}`),
      })),
    ).toEqual(ONE_ROLE);
  });

  test('driverOptions.user', async () => {
    expect(await roles((role) => ({ driverOptions: { user: role, password: 'secret' } }))).toEqual(ONE_ROLE);
  });

  test('driverOptions.onConnect', async () => {
    expect(
      await roles((role) => ({
        driverOptions: {
          onConnect: async (client: { query(sql: string): Promise<unknown> }) =>
            void (await client.query(`set role ${role}`)),
        },
      })),
    ).toEqual(ONE_ROLE);
  });

  test('driverOptions.options', async () => {
    expect(await roles((role) => ({ driverOptions: { options: `-c role=${role}` } }))).toEqual(ONE_ROLE);
  });

  test('onCreateConnection, once per connection, and onReserveConnection at every use', async () => {
    const calls: string[] = [];
    await using placed = await placedOrm({
      clientUrl: mine.url,
      onCreateConnection: async () => void calls.push('create'),
      onReserveConnection: async () => void calls.push('reserve'),
    });
    await writeBehind(placed.orm, ++id);
    const own = calls.filter((call) => call === 'create').length;
    expect(own).toBeGreaterThan(1);
    expect(calls.length - own).toBeGreaterThan(own);
  });

  test('but if it is set where Spillway does not see it (onPoolCreated), it is refused by name', async () => {
    const role = await mine.role();
    await using placed = await placedOrm({
      clientUrl: mine.url,
      driverOptions: {
        onPoolCreated: (pool: { options: { options?: string } }) => (pool.options.options = `-c role=${role}`),
      },
    });
    const message = await writeBehind(placed.orm, ++id).catch(String);
    expect(message).toContain(role);
    expect(message).toContain('onCreateConnection');
    expect(await mine.sql(`select from thing where id = ${id}`)).toEqual([]);
  });

  test('and a hook that fails is told by name, and leaves no connection behind', async () => {
    await using placed = await placedOrm({
      clientUrl: mine.url,
      driverOptions: { application_name: 'failing' },
      onCreateConnection: setting('set role nobody_of_that_name'),
    });
    for (let times = 0; times < 3; times++) {
      await expect(Spillway.of(placed.orm).start()).rejects.toThrow(/nobody_of_that_name|onCreateConnection/);
    }
  });
});

test('sslmode= in clientUrl, which MikroORM ignores: one warning at the first use names the remedy', async () => {
  await using placed = await placedOrm({ clientUrl: `${mine.url}?sslmode=verify-full` });
  expect(placed.warnings).toEqual([]);
  await writeBehind(placed.orm, ++id);
  await writeBehind(placed.orm, ++id);
  expect(placed.warnings.filter((warning) => warning.includes('sslmode'))).toEqual([
    expect.stringMatching(/clientUrl has sslmode=verify-full.*plain text.*driverOptions: \{ ssl:/),
  ]);
  expect(await placed.orm.em.execute('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).toEqual([
    { ssl: false },
  ]);
});

describe('the proof needs no second connection of the ORM', () => {
  test('when Spillway is used first inside a transaction, and the pool has one connection', async () => {
    await using placed = await placedOrm({ clientUrl: mine.url, pool: { min: 1, max: 1 } });
    id += 1;
    await placed.orm.em.fork().transactional(async (em) => {
      em.create(Thing, { id, name: 'in a transaction' });
      await em.flush();
      expect(await em.findOne(Thing, { name: 'in a transaction' })).not.toBeNull();
    });
    expect(await mine.sql(`select name from thing where id = ${id}`)).toEqual([{ name: 'in a transaction' }]);
  });

  test('but one it needs: where all are in transactions past MikroORM, the remedy is told in time', async () => {
    await using placed = await placedOrm({ clientUrl: mine.url, pool: { min: 1, max: 1 } });
    const kysely = placed.orm.em.getKysely();
    await kysely.transaction().execute(async () => {
      await expect(Spillway.of(placed.orm).start()).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringMatching(
          /lent none of its connections.*Spillway\.of\(orm\)\.start\(\) before/,
        ) as unknown,
      });
    });
    await Spillway.of(placed.orm).start();
    await kysely.transaction().execute(async () => writeBehind(placed.orm, ++id));
    expect(await mine.sql(`select name from thing where id = ${id}`)).toEqual([{ name: 'written' }]);
  });

  test('and a server that was restarted meanwhile is the same one', async () => {
    await using server = await postgres();
    await using placed = await placedOrm({ clientUrl: server.url });
    await placed.orm.em.execute(`create table ${THING}`);
    await placed.orm.em.fork().transactional(async (em) => em.execute('select 1'));
    await server.kill9();
    await server.restart();
    await expect.poll(() => placed.orm.checkConnection(), { timeout: 20_000 }).toMatchObject({ ok: true });
    await writeBehind(placed.orm, 1);
    expect(await placed.orm.em.execute('select name from thing')).toEqual([{ name: 'written' }]);
  });
});
