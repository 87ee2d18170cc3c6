import { PGlite } from '@electric-sql/pglite';
import { defineEntity, MikroORM, p, type Options } from '@mikro-orm/pglite';
import { MikroORM as ServerOrm } from '@mikro-orm/postgresql';
import { freshNamespace } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { memoryStaging } from '../../../src/testing/index.js';
import { Place, setting, THING } from '../mikro-orm/places.js';

const Thing = defineEntity({ name: 'Thing', properties: { id: p.integer().primary(), name: p.string() } });
WriteBehind({ transactions: 'stage' })(Thing.class as never);

/** It takes seconds to begin. */
let pglite: PGlite;
beforeAll(async () => {
  pglite = await PGlite.create();
});
afterAll(() => pglite.close());

async function ormOf(options: Partial<Options>): Promise<MikroORM> {
  return MikroORM.init({
    entities: [Thing],
    extensions: [
      spillway({
        staging: (asked) => memoryStaging(asked),
        namespace: freshNamespace(),
        shards: 4,
        worker: false,
        tables: { ensure: true },
      }),
    ],
    ...options,
  });
}

async function make(orm: MikroORM, id: number, name: string): Promise<void> {
  const em = orm.em.fork();
  em.create(Thing, { id, name });
  await em.flush();
}

test('another schema: a table without one is where the search_path of the connection leads, in PGlite too', async () => {
  await pglite.exec(`create table ${THING}; create schema app; set search_path = app; create table ${THING};
create schema tenant; set search_path = tenant; create table ${THING}; reset search_path`);
  const orm = await ormOf({ driverOptions: { pglite }, onCreateConnection: setting('set search_path = app') });
  await make(orm, 1, 'staged');
  await orm.em.fork().transactional(async (em) => {
    await em.execute('set local search_path = tenant');
    em.create(Thing, { id: 2, name: 'of a tenant' });
    await em.flush();
  });
  await Spillway.of(orm).drain();
  const rows = async (table: string): Promise<unknown[]> => (await pglite.query(`select id from ${table}`)).rows;
  expect([await rows('app.thing'), await rows('tenant.thing'), await rows('public.thing')]).toEqual([
    [{ id: 1 }],
    [{ id: 2 }],
    [],
  ]);
  await orm.close();
});

test('a Kysely dialect for a server, given to the driver of PGlite, is refused by name at the first use', async () => {
  await using place = await Place.with(`create table ${THING}`);
  const server = await ServerOrm.init({ entities: [Thing], clientUrl: place.url });
  const connection = server.em.getConnection() as unknown as { createKyselyDialect(options: object): object };
  const orm = await ormOf({ driverOptions: connection.createKyselyDialect({}) });
  await expect(make(orm, 1, 'nowhere')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/Kysely dialect for a database with several connections.*@mikro-orm\/postgresql/),
  });
  await orm.close();
  await server.close();
});
