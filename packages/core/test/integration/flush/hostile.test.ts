import { eventually } from '@spillway/test-support';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rowKeyOf, type RowKey, shardOf } from '../../../src/change/row-key.js';
import { readByKey, type KeyedRows } from '../../../src/read/read-by-key.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { FlushFixture, idOf, SHARDS } from './fixture.js';
import { stageOne } from '../../../src/testing/contract/one-unit.js';

const ALL = [...Array(SHARDS).keys()];
const AT_ONCE = { debounceMs: 0, maxDelayMs: 0, maxPending: 1_000, maxRecordBytes: 10_000 };

let fixture: FlushFixture;
let staging: StagingStore;

beforeEach(async () => {
  fixture = await FlushFixture.create();
  ({ staging } = fixture);
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

function product(id: number): RowKey {
  return rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] });
}

async function add(id: number, stock: number): Promise<void> {
  const rowKey = product(id);
  const change = {
    kind: 'increment',
    entity: 'Product',
    rowKey,
    values: {},
    deltas: { stock: String(stock) },
    originals: {},
  } as const;
  const shard = shardOf(rowKey, SHARDS);
  await stageOne(staging, { shard, id: `call-${id}-${stock}`, changes: [change], rules: { Product: AT_ONCE } });
}

/** A reader by key, as every process has one. */
async function read(id: number): Promise<number | undefined> {
  const rows: KeyedRows<number> = {
    peek: (keys) => staging.peek(keys),
    outcomes: (tokens) => fixture.sink.outcomes(tokens),
    acknowledge: async (key, token, outcomes) => {
      await staging.acknowledge(shardOf(key, SHARDS), token, outcomes, []);
    },
    hasForgotten: async () => false,
    read: async (keys) => {
      const found = await fixture.sql.query<{ id: number; stock: number }>(
        'select id, stock from product where id = any($1)',
        [keys.map(idOf)],
      );
      return new Map(found.rows.map((row) => [product(row.id), row.stock]));
    },
    versionOf: () => undefined,
    lay: (record, stock) => (stock ?? 0) + Number(record.deltas['stock'] ?? 0),
  };
  return (await readByKey([product(id)], rows)).get(product(id));
}

describe('a reader by key', () => {
  it('still sees a change that a committed batch has put off, when the flush dies before it acknowledges', async () => {
    await add(1, 5);
    const locker = new pg.Client({ connectionString: fixture.databaseUrl });
    await locker.connect();
    await locker.query('begin');
    await locker.query('select from product where id = 1 for update');
    const dies = {
      steps: (step: string) => (step === 'committed' ? Promise.reject(new Error('kill -9')) : Promise.resolve()),
    };
    expect(await fixture.flush([shardOf(product(1), SHARDS)], 100, dies)).toEqual(['failed']);
    await locker.query('rollback');
    await locker.end();
    expect((await staging.stats()).inFlight).toBe(1);
    expect(await read(1)).toBe(5);
  });
});

describe('rows that cannot be written', () => {
  it('never keep others of their table from being written, however many they are', async () => {
    for (let id = 0; id < 50; id += 1) await add(id, 5_000);
    for (let id = 50; id < 60; id += 1) await add(id, 1);
    await eventually(
      async () => {
        await fixture.flush(ALL);
        const stock = await fixture.stock();
        expect(Object.keys(stock)).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 50)));
      },
      { timeoutMs: 5_000 },
    );
  });
});
