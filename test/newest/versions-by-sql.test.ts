import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spillway, WriteBehind, WriteThrough } from '@spillway/core';

const properties = { id: p.integer().primary(), text: p.string(), version: p.integer().version() };
const Behind = defineEntity({ name: 'Behind', properties });
const Through = defineEntity({ name: 'Through', properties });
const Plain = defineEntity({ name: 'Plain', properties: { id: p.integer().primary(), text: p.string() } });
WriteBehind()(Behind.class as never);
WriteThrough()(Through.class);
type Versioned = typeof Behind | typeof Through;

const warnings: string[] = [];
let db: Database;
let orm: MikroORM;
let others: pg.Client;

beforeAll(async () => {
  db = await database();
  const logger = { warn: (text: string) => void warnings.push(text), error: () => undefined };
  const options = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } };
  orm = await MikroORM.init({
    entities: [Behind, Through, Plain],
    clientUrl: db.url,
    extensions: [spillway({ ...options, logger })],
  });
  await orm.schema.create();
  others = new pg.Client({ connectionString: db.url });
  await others.connect();
});

afterAll(async () => {
  await others.end();
  await orm.close(true);
  await db.drop();
});

interface Overtaken {
  readonly error: string;
  readonly rows: readonly object[];
}

/** What is promised: the later one is told, and nothing is overwritten. */
const NOTICED: Overtaken = { error: 'OptimisticLockError', rows: [{ text: 'theirs', version: 2 }] };

/** Two rows are changed by SQL while others, who have changed them first, have not committed; they do so then. */
async function overtaken(entity: Versioned, flush: (em: EntityManager) => Promise<unknown>): Promise<Overtaken> {
  const table = entity === Behind ? 'behind' : 'through';
  await others.query(`delete from ${table}`);
  await others.query(`insert into ${table} values (1, 'first', 1), (2, 'first', 1)`);
  await others.query('begin');
  await others.query(`update ${table} set text = 'theirs', version = version + 1`);
  const flushed = flush(orm.em.fork()).then(
    () => 'none',
    (error: unknown) => (error as Error).name,
  );
  await eventually(async () => {
    const waiting = `select from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`;
    expect((await others.query(waiting, [db.name])).rowCount).toBeGreaterThan(0);
  });
  await others.query('commit');
  const error = await flushed;
  const { rows } = await others.query<object>(`select distinct text, version from ${table}`);
  return { error, rows };
}

async function change(em: EntityManager, entity: Versioned): Promise<void> {
  for (const row of await em.find(entity, {})) row.text = 'late';
  await em.flush();
}

test('entities that are written through: two rows, overtaken between reading and writing', async () => {
  expect(await overtaken(Through, async (em) => change(em, Through))).toEqual(NOTICED);
});

test('entities that are written behind, in a transaction of the application', async () => {
  const flush = async (em: EntityManager): Promise<void> => em.transactional(async (inside) => change(inside, Behind));
  expect(await overtaken(Behind, flush)).toEqual(NOTICED);
});

test('entities that are written behind, in a flush that also writes what is not', async () => {
  const flush = async (em: EntityManager): Promise<void> => {
    em.create(Plain, { id: 1, text: 'new' });
    await change(em, Behind);
  };
  expect(await overtaken(Behind, flush)).toEqual(NOTICED);
});

test('this MikroORM is not warned of', () => {
  expect(warnings.filter((warning) => warning.includes('MikroORM'))).toEqual([]);
});
