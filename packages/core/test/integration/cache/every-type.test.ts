import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough } from '../../../src/index.js';
import { EVERY_TYPE } from '../mikro-orm/every-type.js';

const SEED = Number(process.env['SPILLWAY_TEST_SEED'] ?? 20_260_101);
const ROWS = 120;
const names = Object.keys(EVERY_TYPE);

const columns = Object.fromEntries(
  Object.entries(EVERY_TYPE).map(([name, { property }]) => [name, property.nullable()]),
) as Record<string, never>;
const Copied = defineEntity({ name: 'Copied', properties: { id: p.integer().primary(), ...columns } });
WriteThrough({ cache: { ttl: '5m' } })(Copied.class);
/** A version, because only a change that compares one is known to be written as it was staged. */
const Carried = defineEntity({
  name: 'Carried',
  properties: { id: p.integer().primary(), ...columns, version: p.integer().version() },
});
WriteBehind({ cache: { ttl: '5m' } })(Carried.class);

const rows = fc.record(
  Object.fromEntries(
    names.map((name) => [name, fc.option(EVERY_TYPE[name]?.values ?? fc.constant(null), { freq: 5 })]),
  ),
);

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: [Copied, Carried],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.em.execute(
    'create extension citext; create extension hstore; create extension ltree; create extension cube; create domain shout as varchar(10) check (value = upper(value))',
  );
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

/** What a program reads, and what MikroORM would write if it flushed now. */
async function read(ids: readonly number[], refresh: boolean, entity: unknown = Copied): Promise<unknown> {
  const em = orm.em.fork();
  const found = await em.find(entity as typeof Copied, { id: { $in: [...ids] } }, { refresh });
  const uow = em.getUnitOfWork();
  uow.computeChangeSets();
  const byId = new Map(found.map((each) => [Reflect.get(each, 'id'), each]));
  return {
    dirty: uow.getChangeSets().map(({ payload }) => Object.keys(payload)),
    rows: ids.map((id) => Object.fromEntries(names.map((name) => [name, Reflect.get(byId.get(id) ?? {}, name)]))),
  };
}

test(`${ROWS} random rows are read from copies as from PostgreSQL (SPILLWAY_TEST_SEED=${SEED}), of the columns ${names.join(', ')}`, async () => {
  const made = fc.sample(rows, { seed: SEED, numRuns: ROWS });
  const ids = made.map((_, index) => index + 1);
  const em = orm.em.fork();
  ids.forEach((id, index) => em.create(Copied, { id, ...made[index] } as never));
  await em.flush();
  const real = await read(ids, true);
  expect(await read(ids, false)).toEqual(real);
  const statements = await db.statements.during(async () => expect(await read(ids, false)).toEqual(real));
  expect(statements.filter((statement) => statement.includes('"copied"'))).toEqual([]);
});

test(`R1, R3: ${ROWS} random changes are read over copies, and carried on behind them, as from PostgreSQL (SPILLWAY_TEST_SEED=${SEED})`, async () => {
  const [made, changed] = [SEED, SEED + 1].map((seed) => fc.sample(rows, { seed, numRuns: ROWS })) as [
    object[],
    object[],
  ];
  const ids = made.map((_, index) => index + 1);
  const em = orm.em.fork();
  const entities = ids.map((id, index) => em.create(Carried, { id, ...made[index] } as never));
  await em.flush();
  await Spillway.of(orm).drain();
  await read(ids, false, Carried);
  // A few columns of each row, because one value that only PostgreSQL can tell makes its whole row one.
  entities.forEach((entity, index) => {
    for (const name of [index, 7 * index + 3].map((number) => names[number % names.length] ?? ''))
      Reflect.set(entity, name, Reflect.get(changed[index] ?? {}, name));
  });
  await em.flush();
  expect(await read(ids, false, Carried)).toEqual(await read(ids, true, Carried));
  await Spillway.of(orm).drain();
  const statements = await db.statements.during(async () => {
    expect(await read(ids, false, Carried)).toEqual(await read(ids, true, Carried));
  });
  const asked = statements.flatMap((statement) => /"id" in \((.*?)\)/u.exec(statement)?.[1]?.split(',') ?? []);
  // The rows that `refresh` reads, and those of which only PostgreSQL can tell what it has made of their changes.
  expect(asked.length).toBeGreaterThanOrEqual(ROWS);
  expect(asked.length).toBeLessThan(1.75 * ROWS);
});
