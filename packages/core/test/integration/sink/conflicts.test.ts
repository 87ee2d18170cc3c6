import { afterAll, beforeEach, expect, test } from 'vitest';
import type { BatchOutcome, Outcome } from '../../../src/change/outcome.js';
import { CONFLICT } from '../../../src/change/record.js';
import type { ConflictStrategy, RowConflict, RowDecider } from '../../../src/conflict/strategy.js';
import type { ChangeSink } from '../../../src/sink/change-sink.js';
import type { Table } from '../../../src/sink/table.js';
import type { Batch } from '../../../src/staging/flush-side.js';
import { key, NOBODY, SinkFixture, table, type Staged } from './fixture.js';

/** The row is at version 3 with these values, whatever the record thinks. */
const ROW = `insert into product (id, name, price, stock, version) values (1, 'theirs', 2.50, 10, 3)`;

const columns = { name: 'text', price: 'numeric(10,2)', stock: 'integer', tags: 'jsonb' };

const fixture = await SinkFixture.create(
  'create table product (id int primary key, name text, price numeric(10,2), stock int default 0, tags jsonb, version int not null default 1)',
  [],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query('truncate product');
  await fixture.sql.query(ROW);
});

const rowKey = key('product', '1');

async function write(conflict: ConflictStrategy, record: Staged, more: Partial<Table> = {}): Promise<Outcome> {
  const sink: ChangeSink = fixture.open([table('product', columns, { conflict, counters: { stock: 0 }, ...more })]);
  const batch = fixture.batch([[rowKey, record]]);
  try {
    return (await flushOn(sink, batch))?.get(rowKey) ?? { kind: 'applied' };
  } finally {
    await sink.close();
  }
}

async function flushOn(sink: ChangeSink, batch: Batch): Promise<BatchOutcome | undefined> {
  await using transaction = await sink.begin([batch.shard]);
  const outcomes = await transaction.write([batch], NOBODY);
  await transaction.commit();
  return outcomes.get(batch.token);
}

async function row(): Promise<Record<string, unknown> | undefined> {
  return (await fixture.rows('select name, price, stock, version from product'))[0];
}

const stale: Staged = { kind: 'update', base: '1', version: '2', values: { name: '"ours"' } };
const staleDelete: Staged = { kind: 'delete', base: '1' };
const DEAD_LETTER: ConflictStrategy = { kind: 'dead-letter' };
const OVERWRITE: ConflictStrategy = { kind: 'overwrite' };
const KEEP: ConflictStrategy = { kind: 'keep-database' };

test('dead-letter: the record is buried with the version of the database', async () => {
  expect(await write(DEAD_LETTER, stale)).toMatchObject({
    kind: 'buried',
    code: 'CONFLICT',
    version: '3',
    rejected: false,
    counted: false,
  });
  expect(await row()).toEqual({ name: 'theirs', price: '2.50', stock: 10, version: 3 });
});

test('overwrite: ours is written, with a version after that of the database', async () => {
  expect(await write(OVERWRITE, stale)).toEqual({ kind: 'version', version: '4' });
  expect(await row()).toEqual({ name: 'ours', price: '2.50', stock: 10, version: 4 });
});

test('keep-database: nothing is written, and the record is superseded', async () => {
  expect(await write(KEEP, stale)).toEqual({ kind: 'superseded', version: '3' });
  expect(await row()).toMatchObject({ name: 'theirs', version: 3 });
});

test.each([DEAD_LETTER, KEEP])('M2: counters are applied, whatever becomes of the rest ($kind)', async (strategy) => {
  const outcome = await write(strategy, { ...stale, deltas: { stock: '-4' } });
  expect(outcome).toMatchObject(strategy === KEEP ? { kind: 'superseded' } : { kind: 'buried', counted: true });
  expect(await row()).toEqual({ name: 'theirs', price: '2.50', stock: 6, version: 3 });
});

test('M2: a counter is added once where the rest is overwritten', async () => {
  await write(OVERWRITE, { ...stale, deltas: { stock: '-4' } });
  expect(await row()).toMatchObject({ name: 'ours', stock: 6 });
});

test('a doubtful record that conflicts is buried whole, counters included, whatever the strategy', async () => {
  const outcome = await write(OVERWRITE, { ...stale, deltas: { stock: '-4' }, doubtful: true });
  expect(outcome).toMatchObject({
    kind: 'buried',
    code: 'STAGING_LOSS',
    version: '3',
    rejected: false,
    counted: false,
  });
  expect(await row()).toMatchObject({ name: 'theirs', stock: 10, version: 3 });
});

test('a doubtful insert whose row exists may be that row', async () => {
  const outcome = await write(OVERWRITE, { kind: 'insert', version: '1', doubtful: true });
  expect(outcome).toMatchObject({ kind: 'buried', code: 'STAGING_LOSS', version: '3', rejected: false });
});

test('the row of a conflict is locked until the verdict is committed', async () => {
  const sink = fixture.open([table('product', columns, { conflict: KEEP })]);
  {
    await using transaction = await sink.begin([0]);
    await transaction.write([fixture.batch([[rowKey, stale]])], NOBODY);
    expect(await fixture.rows('select id from product for update skip locked')).toEqual([]);
  }
  await sink.close();
});

test('each of several conflicts is about its own properties', async () => {
  await fixture.sql.query(`insert into product (id, name, version) values (2, 'theirs', 3)`);
  const changed = new Map<string, readonly string[]>();
  const decide: RowDecider = (conflict) => {
    changed.set(conflict.rowKey, conflict.changed);
    return 'keep-database';
  };
  const sink = fixture.open([table('product', columns, { conflict: { kind: 'function', decide } })]);
  const other = key('product', '2');
  await flushOn(
    sink,
    fixture.batch([
      [rowKey, { ...stale, originals: { name: '"before"' } }],
      [other, { ...stale, values: { price: '1' }, originals: { price: '5' } }],
    ]),
  );
  await sink.close();
  expect(changed).toEqual(
    new Map([
      [rowKey, ['name']],
      [other, ['price']],
    ]),
  );
});

test('H1: a record whose base was overruled is a conflict, even if the version would match', async () => {
  expect(await write(KEEP, { ...stale, base: CONFLICT, version: '3' })).toEqual({ kind: 'superseded', version: '4' });
  expect(await row()).toMatchObject({ name: 'theirs', version: 4 });
});

test.each([
  ['buried', DEAD_LETTER],
  ['given up', KEEP],
] as const)(
  'H1: where a record is %s, the row gets a version that our side has not handed out: its holders are then refused',
  async (_, strategy) => {
    const outcome = await write(strategy, { ...stale, version: '7', deltas: { stock: '-1' } });
    expect(outcome).toMatchObject({ version: '8' });
    expect(await row()).toMatchObject({ name: 'theirs', version: 8, stock: 9 });
    expect(
      await write(strategy, { kind: 'update', base: '7', version: '8', values: { name: '"later"' } }),
    ).toMatchObject({ kind: strategy === KEEP ? 'superseded' : 'buried' });
  },
);

test('M1: counters alone are not based on anything, so nothing can overrule them', async () => {
  const increment: Staged = { kind: 'increment', base: CONFLICT, version: '9', deltas: { stock: '5' } };
  expect(await write(DEAD_LETTER, increment)).toEqual({ kind: 'applied' });
  expect(await row()).toMatchObject({ stock: 15, version: 3 });
});

test.each([
  [OVERWRITE, { kind: 'applied' }, undefined],
  [KEEP, { kind: 'superseded', version: '3' }, { name: 'theirs' }],
  [DEAD_LETTER, { kind: 'buried', code: 'CONFLICT' }, { name: 'theirs' }],
] as const)('a delete of a changed row asks the strategy ($0.kind)', async (strategy, outcome, left) => {
  expect(await write(strategy, staleDelete)).toMatchObject(outcome);
  const found = await row();
  expect(found?.['name']).toBe(left?.name);
});

test('merge: what only we changed is written, and what the database changed is kept', async () => {
  const outcome = await write({ kind: 'merge', both: 'dead-letter' }, { ...stale, originals: { name: '"theirs"' } });
  expect(outcome).toEqual({ kind: 'version', version: '4' });
  expect(await row()).toEqual({ name: 'ours', price: '2.50', stock: 10, version: 4 });
});

const contested: Staged = {
  ...stale,
  values: { name: '"ours"', price: '9' },
  originals: { name: '"before"', price: '2.5' },
};

test.each([
  ['overwrite', { kind: 'version', version: '4' }, { name: 'ours', price: '9.00' }],
  ['keep-database', { kind: 'superseded', version: '4' }, { name: 'theirs', price: '9.00' }],
  [
    'dead-letter',
    { kind: 'buried', code: 'CONFLICT', reason: expect.stringContaining('"name"') },
    { name: 'theirs', price: '2.50' },
  ],
] as const)('merge: what both sides changed goes to the fallback (%s)', async (both, outcome, left) => {
  expect(await write({ kind: 'merge', both }, contested)).toMatchObject(outcome);
  expect(await row()).toMatchObject(left);
});

test('merge: both sides changed it to the same value, in other words, so there is nothing to decide', async () => {
  const outcome = await write(
    { kind: 'merge', both: 'dead-letter' },
    { ...stale, values: { price: '"2.5"' }, originals: { price: '1' } },
  );
  expect(outcome).toEqual({ kind: 'version', version: '4' });
});

test('a function sees both sides and what has changed, and its values are written', async () => {
  await fixture.sql.query(`update product set tags = '{"b": 1, "a": [1.0]}'`);
  const seen: RowConflict[] = [];
  const decide = (conflict: RowConflict) => {
    seen.push(conflict);
    return { write: { name: '"both"', tags: conflict.theirs['tags'] ?? '' } };
  };
  const outcome = await write(
    { kind: 'function', decide },
    {
      ...stale,
      values: { name: '"ours"', tags: '"{}"' },
      originals: { name: '"before"', tags: '"{\\"a\\": [1], \\"b\\": 1}"' },
    },
  );
  expect(outcome).toEqual({ kind: 'superseded', version: '4' });
  expect(seen).toEqual([
    {
      rowKey,
      base: { name: '"before"', tags: '"{\\"a\\": [1], \\"b\\": 1}"' },
      ours: { name: '"ours"', tags: '"{}"' },
      theirs: { name: '"theirs"', price: '"2.50"', stock: '10', tags: '"{\\"a\\": [1.0], \\"b\\": 1}"' },
      changed: ['name'],
      attempt: 0,
    },
  ]);
  expect(await fixture.rows('select name, tags::text from product')).toEqual([
    { name: 'both', tags: '{"a": [1.0], "b": 1}' },
  ]);
});

const fails: RowDecider = () => {
  throw new Error('no idea');
};
const BAD_DECIDERS: readonly (readonly [string, RowDecider, string])[] = [
  ['throws', fails, 'failed'],
  ['names an unknown property', () => ({ write: { colour: '"red"' } }), 'colour'],
  ['answers nonsense', () => JSON.parse('7') as 'overwrite', 'failed'],
];

test.each(BAD_DECIDERS)('a function that %s buries the record with the reason', async (_, decide, reason) => {
  expect(await write({ kind: 'function', decide }, stale)).toMatchObject({
    kind: 'buried',
    code: 'CONFLICT',
    reason: expect.stringContaining(reason),
  });
});

test('what a function throws is for the dead letter, and not for the reason that is told', async () => {
  const outcome = await write({ kind: 'function', decide: fails }, stale);
  expect(outcome).toMatchObject({ message: 'no idea', reason: expect.not.stringContaining('no idea') });
});

test('a function may keep a row that was to be deleted, with other values and a new version', async () => {
  const outcome = await write({ kind: 'function', decide: () => ({ write: { name: '"kept"' } }) }, staleDelete);
  expect(outcome).toEqual({ kind: 'superseded', version: '4' });
  expect(await row()).toMatchObject({ name: 'kept', version: 4 });
});

test.each([OVERWRITE, { kind: 'merge', both: 'overwrite' }] as const)(
  'M13: an insert never writes over a row that exists ($kind)',
  async (strategy) => {
    const outcome = await write(strategy, {
      kind: 'insert',
      version: '1',
      values: { name: '"ours"' },
      deltas: { stock: '1' },
    });
    expect(outcome).toMatchObject({
      kind: 'buried',
      code: 'ROW_EXISTS',
      version: '3',
      rejected: false,
      counted: false,
    });
    expect(await row()).toEqual({ name: 'theirs', price: '2.50', stock: 10, version: 3 });
  },
);

test('a replacement of a row that has changed asks the strategy', async () => {
  const replacement: Staged = { kind: 'replace', base: '1', version: '2', values: { name: '"ours"' } };
  expect(await write(DEAD_LETTER, replacement)).toMatchObject({ kind: 'buried', code: 'CONFLICT' });
  expect(await write(OVERWRITE, replacement)).toEqual({ kind: 'version', version: '4' });
  expect(await row()).toEqual({ name: 'ours', price: null, stock: 0, version: 4 });
});

test('changed-properties: a row without a version is compared by what was loaded', async () => {
  const { version: _, ...unversioned } = table('product', columns);
  const more = { ...unversioned, detect: 'changed-properties' } as const;
  const sink = fixture.open([more]);
  const records = (originals: Record<string, string>): Staged => ({
    kind: 'update',
    values: { name: '"ours"' },
    originals,
  });
  const flush = async (record: Staged) => (await flushOn(sink, fixture.batch([[rowKey, record]])))?.get(rowKey);
  expect(await flush(records({ name: '"before"', price: '2.5' }))).toMatchObject({ kind: 'buried', code: 'CONFLICT' });
  expect(await flush(records({ name: '"theirs"', price: '2.5', tags: 'null' }))).toBeUndefined();
  expect(await row()).toMatchObject({ name: 'ours' });
  await sink.close();
});

test('rows with and without properties of their own, with and without conflict, settle in one batch', async () => {
  await fixture.sql.query(`insert into product (id, name, version) values (2, 'two', 1), (3, 'three', 8)`);
  const sink = fixture.open([table('product', columns, { conflict: { kind: 'merge', both: 'keep-database' } })]);
  const batch = fixture.batch([
    [rowKey, { ...stale, originals: { name: '"theirs"' } }],
    [key('product', '2'), { kind: 'update', base: '1', version: '2', values: { price: '1' } }],
    [
      key('product', '3'),
      { kind: 'update', base: '1', version: '2', values: { name: '"x"' }, originals: { name: '"y"' } },
    ],
    [key('product', '4'), { kind: 'update', base: '1', version: '2', values: { name: '"x"' } }],
  ]);
  expect(await flushOn(sink, batch)).toEqual(
    new Map([
      [rowKey, { kind: 'version', version: '4' }],
      [key('product', '3'), { kind: 'superseded', version: '8' }],
      [key('product', '4'), expect.objectContaining({ kind: 'buried', code: 'ROW_MISSING' })],
    ]),
  );
  await sink.close();
});
