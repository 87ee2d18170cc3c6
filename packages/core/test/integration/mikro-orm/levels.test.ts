import { defineEntity, MikroORM, p, type EntitySchema } from '@mikro-orm/postgresql';
import {
  eventually,
  freshNamespace,
  loggedDatabase,
  sharedRedisUrl,
  type LoggedDatabase,
} from '@spillway/test-support';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { spillway, Spillway, WriteBehind, type SpillwayOptions } from '../../../src/index.js';

const LEVELS = 5;

/** Five tables, each of which refers to the one before. */
const levels: EntitySchema[] = [];
for (const level of Array(LEVELS).keys()) {
  const parent = levels.at(-1);
  levels.push(
    defineEntity({
      // By their names children come first.
      name: `Level${LEVELS - level}`,
      properties: {
        id: p.uuid().primary(),
        name: p.string(),
        ...(parent && { parent: () => p.manyToOne(parent) }),
        version: p.integer().version(),
      },
    }) as EntitySchema,
  );
}

for (const level of levels) WriteBehind({})(level.class as never);

let db: LoggedDatabase;
let orm: MikroORM;

async function start(options: Partial<SpillwayOptions> = {}): Promise<void> {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: levels,
    clientUrl: db.url,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace: freshNamespace(),
        worker: false,
        tables: { ensure: true },
        ...options,
      }),
    ],
  });
  await orm.schema.create();
}

afterEach(async () => {
  await orm.close();
  await db.drop();
});

/** A new row every so often in each level, which refers to one of the level before. */
async function flushRows(count: number): Promise<void> {
  const em = orm.em.fork();
  let parents: object[] = [];
  for (const entity of levels) {
    const before = parents;
    parents = Array.from({ length: count / LEVELS }, (_, index) =>
      em.create(entity, {
        id: crypto.randomUUID(),
        name: 'row',
        ...(before.length > 0 && { parent: before[(index * 7) % before.length] }),
      } as never),
    );
  }
  await em.flush();
}

interface Inserted {
  readonly tried: number;
  readonly there: number;
}

/**
 * How many rows PostgreSQL has inserted, those included that were taken back. It counts them when a connection ends.
 */
async function inserted(): Promise<Inserted> {
  const tables = levels.map((level) => orm.getMetadata().get(level.class).tableName);
  await orm.close();
  const client = new pg.Client({ connectionString: db.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ tried: string }>(
      'select sum(n_tup_ins) as tried from pg_stat_user_tables where relname = any($1)',
      [tables],
    );
    let there = 0;
    for (const table of tables) there += (await client.query(`select 1 from ${table}`)).rowCount ?? 0;
    return { tried: Number(rows[0]?.tried), there };
  } finally {
    await client.end();
  }
}

/**
 * A transaction that is rolled back as a whole may be one whose claim took too long: rows that it has tried count in
 * `inserted`.
 */
const isStepTakenBack = (statement: string) => statement.startsWith('rollback to');

test('a drain writes parents before children, and tries no row in vain', async () => {
  await start();
  await flushRows(1_100);
  const statements = await db.statements.during(async () => {
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  });
  expect(statements.filter(isStepTakenBack)).toEqual([]);
  expect(await inserted()).toEqual({ tried: 1_100, there: 1_100 });
});

test('a drain does so where the rows are too many for one transaction', async () => {
  await start();
  await flushRows(3_000);
  const statements = await db.statements.during(async () => {
    expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  });
  expect(statements.filter(isStepTakenBack)).toEqual([]);
  expect(await inserted()).toEqual({ tried: 3_000, there: 3_000 });
});

test('a worker finds out once that children come before their parents, and asks beforehand from then on', async () => {
  await start({ worker: {} });
  await flushRows(1_100);
  await eventually(async () => expect((await Spillway.of(orm).status()).pending).toEqual({}));
  const { tried, there } = await inserted();
  expect(there).toBe(1_100);
  expect(tried).toBeLessThan(2 * there);
});
