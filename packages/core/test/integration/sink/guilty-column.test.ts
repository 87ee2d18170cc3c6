import { afterAll, beforeEach, expect, test } from 'vitest';
import type { Outcome } from '../../../src/change/outcome.js';
import { key, NOBODY, SinkFixture, table, type Staged } from './fixture.js';

const columns = { owner: 'uuid', label: 'varchar(3)', price: 'numeric(4,2)', stock: 'smallint', tags: 'jsonb' };

const fixture = await SinkFixture.create(
  'create table product (id int primary key, owner uuid, label varchar(3), price numeric(4,2), stock smallint default 0, tags jsonb, version int not null default 1)',
  [],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query('truncate product');
});

async function outcomeOf(record: Staged, row = '1'): Promise<Outcome | undefined> {
  const sink = fixture.open([table('product', columns, { counters: { stock: 0 } })]);
  const batch = fixture.batch([
    [key('product', row), record],
    [key('product', '2'), { kind: 'insert', version: '1', values: { label: '"ok"' } }],
  ]);
  try {
    await using transaction = await sink.begin([batch.shard]);
    const outcomes = await transaction.write([batch], NOBODY);
    await transaction.commit();
    return outcomes.get(batch.token)?.get(key('product', row));
  } finally {
    await sink.close();
  }
}

const insert = (values: Staged['values']): Staged => ({ kind: 'insert', version: '1', values: { ...values } });

test.each([
  ['owner', '22P02', { label: '"a"', owner: '"no uuid"' }],
  ['label', '22001', { label: '"too long"', stock: '1' }],
  ['price', '22003', { owner: 'null', price: '1000' }],
  ['price', '22P02', { price: '"12,50"', stock: '1' }],
  ['stock', '22003', { label: '"a"', stock: '70000' }],
] as const)('a value that does not fit column %s (%s) is told with its column', async (column, code, values) => {
  const outcome = await outcomeOf(insert(values));
  expect(outcome).toMatchObject({
    kind: 'again',
    reason: expect.stringMatching(new RegExp(`^SQLSTATE ${code}: .* its column \\("${column}"\\)$`)),
  });
  expect(await fixture.rows('select id from product')).toEqual([{ id: 2 }]);
});

test('so is a key', async () => {
  expect(await outcomeOf(insert({ label: '"a"' }), 'x1')).toMatchObject({
    reason: expect.stringMatching(/SQLSTATE 22P02: .* its column \("id"\)$/),
  });
});

test('so is a value of the row that an increment makes', async () => {
  const record: Staged = { kind: 'increment', deltas: { stock: '1' }, missing: { create: { owner: '"no uuid"' } } };
  expect(await outcomeOf(record)).toMatchObject({
    reason: expect.stringMatching(/SQLSTATE 22P02: .* its column \("owner"\)$/),
  });
});

test('where the values fit, and their sum does not, no column is told', async () => {
  await fixture.sql.query('insert into product (id, stock) values (1, 32767)');
  expect(await outcomeOf({ kind: 'increment', deltas: { stock: '1' } })).toMatchObject({
    reason: 'SQLSTATE 22003: a value does not fit its column',
  });
});
