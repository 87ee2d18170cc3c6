import { database, type Database } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey, shardOf } from '../../../src/change/row-key.js';
import { ORIGIN } from '../../../src/change/token.js';
import { flushShards } from '../../../src/flush/flush-shards.js';
import { monotonicScheduler } from '../../../src/flush/monotonic-scheduler.js';
import { PendingOthers } from '../../../src/flush/pending-others.js';
import type { ChangeSink } from '../../../src/sink/change-sink.js';
import { openPostgresSink } from '../../../src/sink/postgres/open-postgres-sink.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { table } from '../sink/fixture.js';
import { stageOne } from '../../../src/testing/contract/one-unit.js';

/**
 * Every shard is flushed in a transaction of its own, as by several workers. With one attempt, who is blamed is dead.
 */
const SHARDS = 4;
const retry = { attempts: 1, minDelayMs: 1, maxDelayMs: 10 };
const rules = { debounceMs: 600_000, maxDelayMs: 900_000, maxPending: 10_000, maxRecordBytes: 10_000 };
const place = { parts: [{ value: 'place' }], target: { schema: 'public', table: 'place' } } as const;

let db: Database;
let sql: pg.Client;
let sink: ChangeSink;
let staging: StagingStore;
let others: PendingOthers;
let calls = 0;
let namespaces = 0;

beforeAll(async () => {
  db = await database();
  sql = new pg.Client({ connectionString: db.url });
  await sql.connect();
  await sql.query(`create table place (id int primary key, code text unique, version int not null default 1);
    create table guest (id int primary key, place int references place, version int not null default 1)`);
});
beforeEach(async () => {
  await sql.query('truncate place, guest');
  namespaces += 1;
  sink = openPostgresSink({
    connection: { connectionString: db.url },
    poolSize: 4,
    namespace: `others${namespaces}`,
    tables: [
      table('place', { code: 'text' }, { order: 1, retry }),
      table('guest', { place: 'integer' }, { order: 2, references: [place], retry }),
    ],
  });
  await sink.prepare(SHARDS, true);
  staging = memoryStaging({ shards: SHARDS });
  for (let shard = 0; shard < SHARDS; shard += 1) await staging.adopt(shard, ORIGIN);
  others = new PendingOthers({ staging, scheduler: monotonicScheduler, timeoutMs: 5_000 });
  return async () => sink.close();
});
afterAll(async () => {
  await sql.end();
  await db.drop();
});

/** A row whose key falls into the shard; with its number as the key. */
function idIn(shard: number, number = 0): number {
  const ids = Array.from({ length: 100 }, (_, id) => id).filter((id) => shardOf(keyOf(id), SHARDS) === shard);
  return ids[number] as number;
}

function keyOf(id: number, name = 'place'): RowKey {
  return rowKeyOf({ schema: 'public', table: name, key: [String(id)] });
}

async function stage(rowKey: RowKey, change: Partial<Change>): Promise<void> {
  calls += 1;
  const whole: Change = { kind: 'update', entity: 'Place', rowKey, values: {}, deltas: {}, originals: {}, ...change };
  const shard = shardOf(rowKey, SHARDS);
  const answer = await stageOne(staging, { shard, id: `call-${calls}`, changes: [whole], rules: { Place: rules } });
  expect(answer.status).toBe('staged');
}

const recode = async (id: number, code: string): Promise<void> =>
  stage(keyOf(id), { base: '1', version: '2', values: { code: JSON.stringify(code) } });
const insert = async (id: number, code: string): Promise<void> =>
  stage(keyOf(id), { kind: 'insert', version: '1', values: { code: JSON.stringify(code) } });

/** Makes what the shard holds due and flushes it: what became of its records. `store`: where the flush looks. */
async function flush(shard: number, store = staging): Promise<readonly string[]> {
  const keys = Array.from({ length: 100 }, (_, id) => [keyOf(id), keyOf(id, 'guest')]).flat();
  await staging.due.make({ kind: 'rows', keys: keys.filter((key) => shardOf(key, SHARDS) === shard) });
  const scheduler = monotonicScheduler;
  const deps = { staging: store, sink, scheduler, claimTimeoutMs: 5_000, onStagingLoss: 'park', others };
  const report = await flushShards([shard], 100, deps as Parameters<typeof flushShards>[2]);
  const result = report.get(shard);
  if (result?.kind !== 'done') return [result?.kind ?? 'none'];
  return [...result.batch.records.keys()].map((key) => result.outcomes.get(key)?.kind ?? 'applied');
}

/** The store, with something that happens just before each look at pending rows. */
function after(act: () => Promise<unknown>): StagingStore {
  const peek: StagingStore['peek'] = async (keys) => {
    await act();
    return staging.peek(keys);
  };
  return new Proxy(staging, {
    get: (store, name) => {
      const value: unknown = name === 'peek' ? peek : Reflect.get(store, name);
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });
}

async function given(...rows: readonly (readonly [number, string])[]): Promise<void> {
  for (const [id, code] of rows) await sql.query('insert into place (id, code) values ($1, $2)', [id, code]);
}

test('a row waits for a change in another shard that gives its unique value up, and makes it due', async () => {
  await given([idIn(0), 'x']);
  await recode(idIn(0), 'y');
  await insert(idIn(1), 'x');
  expect(await flush(1)).toEqual(['again']);
  expect((await staging.due.next())[0]).toBe(0);
  expect(await flush(0)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['applied']);
});

test('a row whose unique value nobody gives up is blamed once everything of its table has been tried', async () => {
  await given([idIn(0), 'x']);
  await insert(idIn(2), 'other');
  await insert(idIn(1), 'x');
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(2)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['buried']);
});

test('a row whose unique value nobody gives up is blamed at once where nothing else is pending', async () => {
  await given([idIn(0), 'x']);
  await insert(idIn(1), 'x');
  expect(await flush(1)).toEqual(['buried']);
});

test('what is staged after the first refusal is not waited for', async () => {
  await given([idIn(0), 'x']);
  await insert(idIn(2), 'other');
  await insert(idIn(1), 'x');
  expect(await flush(1)).toEqual(['again']);
  await flush(2);
  await insert(idIn(3), 'late');
  expect(await flush(1)).toEqual(['buried']);
});

test('rows in three shards that wait for each other in a chain are written one after the other', async () => {
  await given([idIn(0), 'a'], [idIn(2), 'c']);
  await recode(idIn(2), 'free');
  await recode(idIn(0), 'c');
  await insert(idIn(1), 'a');
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(0)).toEqual(['again']);
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(2)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(0)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['applied']);
});

test('of rows in two shards that want the same value one is written, and the other is blamed', async () => {
  await insert(idIn(0), 'x');
  await insert(idIn(1), 'x');
  expect(await flush(0)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['buried']);
});

test('a row waits for one that somebody has locked', async () => {
  await given([idIn(0), 'x']);
  await recode(idIn(0), 'y');
  await insert(idIn(1), 'x');
  await sql.query('begin; select from place for update');
  expect(await flush(0)).toEqual(['again']);
  expect(await flush(1)).toEqual(['again']);
  expect(await flush(0)).toEqual(['again']);
  expect(await flush(1)).toEqual(['again']);
  await sql.query('rollback');
  expect(await flush(0)).toEqual(['applied']);
  expect(await flush(1)).toEqual(['applied']);
});

test('a row that is referred to is deleted when what refers to it has been deleted in another shard', async () => {
  const parent = idIn(0);
  const child = Array.from({ length: 100 }, (_, id) => id).find((id) => shardOf(keyOf(id, 'guest'), SHARDS) === 1);
  await given([parent, 'x']);
  await sql.query('insert into guest (id, place) values ($1, $2)', [child, parent]);
  await stage(keyOf(child ?? 0, 'guest'), { kind: 'delete', base: '1' });
  await stage(keyOf(parent), { kind: 'delete', base: '1' });
  expect(await flush(0)).toEqual(['again']);
  expect(await flush(1)).toEqual(['applied']);
  expect(await flush(0)).toEqual(['applied']);
});

test('a row is written whose parent another flush writes between its refusal and the look for pending parents', async () => {
  const parent = idIn(0);
  const child = Array.from({ length: 100 }, (_, id) => id).find((id) => shardOf(keyOf(id, 'guest'), SHARDS) === 1);
  await insert(parent, 'x');
  await stage(keyOf(child ?? 0, 'guest'), { kind: 'insert', version: '1', values: { place: String(parent) } });
  expect(
    await flush(
      1,
      after(async () => flush(0)),
    ),
  ).toEqual(['applied']);
});
