import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import {
  database,
  freshNamespace,
  sharedDatabaseUrl,
  sharedRedisUrl,
  sized,
  type Database,
} from '@spillway/test-support';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';
import { EVERY_TYPE, VECTOR_TYPES } from './every-type.js';

/** Neither UTC nor a zone without summer time. */
process.env['TZ'] = 'America/New_York';

const SEED = Number(process.env['SPILLWAY_TEST_SEED'] ?? 20_260_101);
const SEEDS_PER_ZONE = sized({ short: 50, long: 250 });
const ROWS_PER_SEED = 2;
const SEEDS_PER_BATCH = 50;

type Row = Record<string, unknown>;
const hasVectors = await isAvailable('vector');
if (!hasVectors)
  process.stdout.write(`Left out, since this PostgreSQL has no pgvector: ${Object.keys(VECTOR_TYPES).join(', ')}
`);
const TYPES = { ...EVERY_TYPE, ...(hasVectors && VECTOR_TYPES) };
const names = Object.keys(TYPES);

/** A few columns at a time: one that has to be drained must not keep the others from being laid over. */
const rows = fc
  .subarray(names, { minLength: 1, maxLength: 4 })
  .chain((chosen) =>
    fc.record(
      Object.fromEntries(
        chosen.map((name) => [name, fc.option(TYPES[name]?.values ?? fc.constant(null), { freq: 12 })]),
      ),
    ),
  );

function entities() {
  const columns = Object.fromEntries(
    Object.entries(TYPES).map(([name, { property }]) => [name, property.nullable()]),
  ) as Record<string, never>;
  const properties = { id: p.integer().primary(), ...columns };
  const Behind = defineEntity({ name: 'Behind', properties });
  const Twin = defineEntity({ name: 'Twin', properties });
  // Nothing is written but what is drained.
  WriteBehind({ detect: 'changed-properties', debounce: '1h', maxDelay: '1h' })(Behind.class);
  return { Behind, Twin };
}

describe.each([{ forceUtcTimezone: true }, { forceUtcTimezone: false }])('with %j', ({ forceUtcTimezone }) => {
  const { Behind, Twin } = entities();
  let db: Database;
  let orm: MikroORM;

  beforeAll(async () => {
    db = await database();
    orm = await MikroORM.init({
      entities: [Behind, Twin],
      clientUrl: db.url,
      forceUtcTimezone,
      extensions: [
        spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
      ],
    });
    await orm.em.execute(
      'create extension citext; create extension hstore; create extension ltree; create extension cube; create domain shout as varchar(10) check (value = upper(value))',
    );
    if (hasVectors) await orm.em.execute('create extension vector');
    await orm.schema.create();
  });

  afterAll(async () => {
    await orm.close();
    await db.drop();
  });

  async function create(entity: typeof Behind, ids: readonly number[], values: readonly Row[]): Promise<void> {
    const em = orm.em.fork();
    ids.forEach((id, position) => em.create(entity, { id, ...values[position] } as never));
    await em.flush();
  }

  async function update(entity: typeof Behind, ids: readonly number[], values: readonly Row[]): Promise<void> {
    const em = orm.em.fork();
    await em.find(entity, { id: { $in: [...ids] } });
    ids.forEach((id, position) => Object.assign(em.getReference(entity, id as never) as object, values[position]));
    await em.flush();
  }

  /** What a program reads, and what MikroORM would write if it flushed now. */
  async function read(entity: typeof Behind, ids: readonly number[]): Promise<unknown> {
    const em = orm.em.fork();
    const found = await em.find(entity, { id: { $in: [...ids] } });
    em.getUnitOfWork().computeChangeSets();
    const dirty = em
      .getUnitOfWork()
      .getChangeSets()
      .map(({ entity: each, payload }) => [Reflect.get(each, 'id'), Object.keys(payload)]);
    const byId = new Map(found.map((each) => [Reflect.get(each, 'id'), each]));
    return {
      dirty,
      rows: ids.map((id) => Object.fromEntries(names.map((name) => [name, Reflect.get(byId.get(id) ?? {}, name)]))),
    };
  }

  async function rawRows(table: string, ids: readonly number[]): Promise<Row[]> {
    const columns = names.map((name) => `"${name}"::text`).join(', ');
    return orm.em.execute(`select id, ${columns} from "${table}" where id in (${ids.join(', ')}) order by id`);
  }

  test(`${SEEDS_PER_ZONE} random rows, seeds from ${SEED}, of the columns ${names.join(', ')}`, async () => {
    let laidOver = 0;
    for (let from = 0; from < SEEDS_PER_ZONE; from += SEEDS_PER_BATCH) {
      const made = Array.from({ length: SEEDS_PER_BATCH }, (_, position) =>
        fc.sample(fc.tuple(rows, rows), { seed: SEED + from + position, numRuns: ROWS_PER_SEED }),
      ).flat();
      const ids = made.map((_, position) => from * ROWS_PER_SEED + position);
      for (const [position, write] of [create, update].entries()) {
        const values = made.map((pair) => pair[position] ?? {});
        await write(Twin as never, ids, values);
        await write(Behind, ids, values);
        const twin = await read(Twin as never, ids);
        expect(await read(Behind, ids), 'read while staged').toEqual(twin);
        laidOver += countOfDifferent(await rawRows('behind', ids), await rawRows('twin', ids));
        await Spillway.of(orm).drain();
        expect(await Spillway.of(orm).deadLetters.list()).toEqual([]);
        expect(await read(Behind, ids), 'read when written').toEqual(twin);
        expect(await rawRows('behind', ids), 'texts of the columns').toEqual(await rawRows('twin', ids));
      }
    }
    // A row with a value that cannot be laid over is drained, and its batch takes others along; so how many were laid
    // over is not the same each time, and of one batch it may be none.
    expect(laidOver, 'rows that were laid over').toBeGreaterThan(0);
  });
});

function countOfDifferent(some: readonly Row[], others: readonly Row[]): number {
  const written = new Map(some.map((row) => [row['id'], JSON.stringify(row)]));
  return others.filter((row) => written.get(row['id']) !== JSON.stringify(row)).length;
}

async function isAvailable(extension: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: sharedDatabaseUrl() });
  await client.connect();
  try {
    const found = await client.query('select from pg_available_extensions where name = $1', [extension]);
    return found.rowCount === 1;
  } finally {
    await client.end();
  }
}
