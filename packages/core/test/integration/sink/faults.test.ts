import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { freshNamespace, loggedDatabase } from '@spillway/test-support';
import pg from 'pg';
import type { RowKey } from '../../../src/change/row-key.js';
import { SinkRestart } from '../../../src/sink/sink-failure.js';
import { key, SinkFixture, table, type Staged } from './fixture.js';

const products = table('product', { name: 'text', stock: 'integer' }, { counters: { stock: 0 }, order: 1 });
const lines = table(
  'line',
  { product: 'integer', note: 'text' },
  { order: 2, references: [{ parts: [{ value: 'product' }], target: { schema: 'public', table: 'product' } }] },
);

const fixture = await SinkFixture.create(
  `create table product (id int primary key, name text unique, stock int not null default 0 check (stock >= 0), version int not null default 1);
   create table line (id int primary key, product int references product deferrable initially deferred, note text not null default '', version int not null default 1)`,
  [
    products,
    lines,
    table('absent', { name: 'text' }),
    table('hollow', { name: 'text', gone: 'text' }),
    table('shy', { name: 'text' }),
  ],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query(
    'truncate product, line; drop table if exists hollow; create table hollow (id int primary key, name text, version int default 1)',
  );
  fixture.tableFaults.length = 0;
});

const product = (id: number | string) => key('product', String(id));
const line = (id: number) => key('line', String(id));
const count = async (name: string) => Number((await fixture.rows(`select count(*) from ${name}`))[0]?.['count']);

function inserts(ids: number, values: (id: number) => Staged['values'] = () => ({})): [RowKey, Staged][] {
  return Array.from({ length: ids }, (_, id) => [
    product(id),
    { kind: 'insert', version: '1', values: values(id) ?? {} },
  ]);
}

test('one poison row in 500 is found in a logarithmic number of statements; the others are committed', async () => {
  await using logged = await loggedDatabase();
  const client = new pg.Client({ connectionString: logged.url });
  await client.connect();
  await client.query(
    'create table product (id int primary key, name text unique, stock int check (stock >= 0), version int)',
  );
  const sink = fixture.open([products], { connection: { connectionString: logged.url } });
  await sink.prepare(4, true);
  const batch = fixture.batch(inserts(500, (id) => ({ stock: id === 321 ? '-1' : '1' })));
  const writes = (
    await logged.statements.during(async () => {
      await using transaction = await sink.begin([0]);
      const outcomes = await transaction.write([batch], () => Promise.resolve(new Set()));
      await transaction.commit();
      expect([...(outcomes.get(batch.token) ?? [])]).toMatchObject([[product(321), { kind: 'again', attempts: 1 }]]);
    })
  ).filter((statement) => statement.includes('insert into "public"."product"'));
  const { rows } = await client.query('select count(*) from product');
  await client.end();
  await sink.close();
  expect(rows).toEqual([{ count: '499' }]);
  expect(writes.length).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(500)));
});

test('C2: a refused record is named in the ledger, in the transaction that wrote the others', async () => {
  const batch = fixture.batch([
    [product(1), { kind: 'insert', version: '1', values: { stock: '-1' }, attempts: 4 }],
    [product(2), { kind: 'insert', version: '1', values: { stock: '1' } }],
  ]);
  const answered = await fixture.flush([batch]);
  await using transaction = await fixture.sink.begin([0]);
  const stored = await transaction.outcomeOf(batch.token);
  expect(stored).toEqual(answered);
  expect(stored?.get(product(1))).toEqual({
    kind: 'buried',
    code: '23514',
    reason: 'SQLSTATE 23514: a check is violated by constraint "product_stock_check" of table "public"."product"',
    message: expect.stringMatching(/violates check constraint "product_stock_check".* DETAIL: Failing row contains/u),
    rejected: true,
    counted: false,
  });
  expect(await fixture.rows('select id from product')).toEqual([{ id: 2 }]);
});

test('a refused record is tried again with growing pauses, and buried when its attempts are used up', async () => {
  const refused = (attempts: number) =>
    fixture.one(product(1), { kind: 'insert', version: '1', values: { stock: '-1' }, attempts });
  expect(await refused(0)).toMatchObject({ kind: 'again', attempts: 1, delayMs: 100 });
  expect(await refused(2)).toMatchObject({ kind: 'again', attempts: 3, delayMs: 400 });
  expect(await refused(4)).toMatchObject({ kind: 'buried', code: '23514', rejected: true });
});

test('the reason of a refusal names no value', async () => {
  const outcome = await fixture.one(product(1), {
    kind: 'insert',
    version: '1',
    values: { stock: '"secret"' },
    attempts: 4,
  });
  // All of it is for the dead letter, which has the value anyway.
  expect(outcome).toMatchObject({ kind: 'buried', code: '22P02', message: expect.stringContaining('secret') });
  expect(JSON.stringify({ ...outcome, message: undefined })).not.toContain('secret');
});

test('H8: a deferred foreign key is checked at once, so its row is found', async () => {
  const outcomes = await fixture.write(
    [line(1), { kind: 'insert', version: '1', values: { product: '77' } }],
    [line(2), { kind: 'insert', version: '1' }],
  );
  expect([...outcomes]).toMatchObject([[line(1), { kind: 'again', attempts: 1 }]]);
  expect(await fixture.rows('select id from line')).toEqual([{ id: 2 }]);
});

test('a child waits for a parent that is still staged, and is not blamed', async () => {
  const records: [RowKey, Staged][] = [
    [line(1), { kind: 'insert', version: '1', values: { product: '77' }, attempts: 4 }],
    [line(2), { kind: 'insert', version: '1', values: { product: '78' }, attempts: 4 }],
  ];
  const asked: RowKey[] = [];
  const outcomes = await fixture.flush([fixture.batch(records)], (keys) => {
    asked.push(...keys);
    return Promise.resolve(new Set([product(77)]));
  });
  // The second time for those that are left when everything else is written.
  expect(new Set(asked)).toEqual(new Set([product(77), product(78)]));
  expect(outcomes.get(line(1))).toMatchObject({ kind: 'again', attempts: 4 });
  expect(outcomes.get(line(2))).toMatchObject({ kind: 'buried', code: '23503' });
});

test('many children whose parents are still staged wait without a pause of their table, found in few statements', async () => {
  await fixture.sql.query('insert into product (id) values (0)');
  const records = Array.from({ length: 200 }, (_, id): [RowKey, Staged] => [
    line(id),
    { kind: 'insert', version: '1', values: { product: id % 2 === 0 ? '0' : String(1_000 + id) }, attempts: 4 },
  ]);
  const staged = (keys: readonly RowKey[]) => Promise.resolve(new Set(keys.filter((parent) => parent !== product(0))));
  const outcomes = await fixture.flush([fixture.batch(records)], staged);
  expect(outcomes.size).toBe(100);
  expect([...outcomes.values()].every((outcome) => outcome.kind === 'again' && outcome.attempts === 4)).toBe(true);
  expect(fixture.tableFaults).toEqual([]);
  expect(await count('line')).toBe(100);
});

test('children that are new wait for parents that are still staged, and the others of their statement are written', async () => {
  await fixture.sql.query('insert into product (id) values (0)');
  const records = [...Array(10).keys()].map((id): [RowKey, Staged] => [
    line(id),
    { kind: 'insert', version: '1', values: { product: id % 2 === 0 ? '0' : String(1_000 + id) } },
  ]);
  const staged = (keys: readonly RowKey[]) => Promise.resolve(new Set(keys.filter((parent) => parent !== product(0))));
  const outcomes = await fixture.flush([fixture.batch(records)], staged);
  expect([...outcomes.keys()].toSorted()).toEqual([1, 3, 5, 7, 9].map(line));
  for (const outcome of outcomes.values())
    expect(outcome).toMatchObject({
      kind: 'again',
      attempts: 0,
      reason: expect.stringMatching(/refers to another one/),
    });
  expect(await count('line')).toBe(5);
});

test('a parent and its children of one batch are written in that order, and deleted in the other', async () => {
  expect(
    await fixture.write(
      [line(1), { kind: 'insert', version: '1', values: { product: '1' } }],
      [product(1), { kind: 'insert', version: '1' }],
    ),
  ).toEqual(new Map());
  expect(
    await fixture.write([product(1), { kind: 'delete', base: '1' }], [line(1), { kind: 'delete', base: '1' }]),
  ).toEqual(new Map());
});

test('H9: what is wrong with a table pauses its records, buries none, and is told; the others are committed', async () => {
  const outcomes = await fixture.write(
    [key('absent', '1'), { kind: 'insert', version: '1', attempts: 4 }],
    [key('absent', '2'), { kind: 'update', base: '1', version: '2', values: { name: '"x"' }, attempts: 4 }],
    [key('hollow', '1'), { kind: 'insert', version: '1', values: { name: '"x"' } }],
    [key('hollow', '2'), { kind: 'insert', version: '1', values: { gone: '"x"' } }],
    [product(1), { kind: 'insert', version: '1' }],
  );
  expect(outcomes).toEqual(
    new Map([
      [key('absent', '1'), expect.objectContaining({ kind: 'again', attempts: 4, delayMs: 100 })],
      [key('absent', '2'), expect.objectContaining({ kind: 'again', attempts: 4, delayMs: 100 })],
      [key('hollow', '2'), expect.objectContaining({ kind: 'again', attempts: 0 })],
    ]),
  );
  expect(fixture.tableFaults).toMatchObject([
    { table: 'absent', code: '42P01', records: 2 },
    { table: 'hollow', code: '42703', records: 1, reason: expect.stringContaining('gone') },
  ]);
  expect([await count('product'), await count('hollow')]).toEqual([1, 1]);
});

test('H9: a row level policy that refuses a row blames the row, not the table', async () => {
  const limited = freshNamespace('limited');
  await fixture.sql.query(`create role ${limited} login; grant all on all tables in schema public to ${limited};
    alter table hollow enable row level security; create policy short on hollow using (true) with check (length(name) < 5)`);
  const url = new URL(fixture.url);
  url.username = limited;
  const sink = fixture.open([table('hollow', { name: 'text' })], { connection: { connectionString: url.href } });
  const batch = fixture.batch([
    [key('hollow', '1'), { kind: 'insert', version: '1', values: { name: '"long enough"' } }],
    [key('hollow', '2'), { kind: 'insert', version: '1', values: { name: '"ok"' } }],
  ]);
  {
    await using transaction = await sink.begin([0]);
    const outcomes = await transaction.write([batch], () => Promise.resolve(new Set()));
    await transaction.commit();
    expect([...(outcomes.get(batch.token) ?? [])]).toMatchObject([
      [key('hollow', '1'), { kind: 'again', attempts: 1 }],
    ]);
  }
  await sink.close();
  await fixture.sql.query(`drop owned by ${limited}; drop role ${limited}`);
});

test('H7: a row that somebody has locked waits, uncounted; the rest is committed', async () => {
  await fixture.sql.query(`insert into product (id, stock) select id, 0 from generate_series(1, 40) as id`);
  await fixture.sql.query('begin; select from product where id = 17 for update');
  const outcomes = await fixture.write(
    ...Array.from({ length: 40 }, (_, i): [RowKey, Staged] => [
      product(i + 1),
      { kind: 'update', base: '1', version: '2', values: { stock: '9' } },
    ]),
  );
  await fixture.sql.query('rollback');
  expect([...outcomes]).toMatchObject([[product(17), { kind: 'again', attempts: 0 }]]);
  expect(await fixture.rows('select count(*)::int as n from product where stock = 9')).toEqual([{ n: 39 }]);
});

test('H7: a parent that somebody has locked makes its children wait, and nobody else', async () => {
  await fixture.sql.query('insert into product (id) values (1), (2)');
  await fixture.sql.query('begin; select from product where id = 1 for update');
  const outcomes = await fixture.write(
    ...[1, 2, 3, 4].map((id): [RowKey, Staged] => [
      line(id),
      { kind: 'insert', version: '1', values: { product: id === 3 ? '1' : '2' } },
    ]),
  );
  await fixture.sql.query('rollback');
  expect([...outcomes]).toMatchObject([[line(3), { kind: 'again', attempts: 0 }]]);
  expect(await fixture.rows('select id from line order by id')).toEqual([{ id: 1 }, { id: 2 }, { id: 4 }]);
});

test('a deadlock or a serialization failure is the whole transaction again', async () => {
  await fixture.sql
    .query(`create function fail_serialization() returns trigger language plpgsql as $$ begin raise exception 'x' using errcode = '40001'; end $$;
    create trigger fail before insert on hollow for each row execute function fail_serialization()`);
  await expect(fixture.write([key('hollow', '1'), { kind: 'insert', version: '1' }])).rejects.toThrow(SinkRestart);
});

test('a wish to run the transaction again that does not end is blamed on its row, and the others are written', async () => {
  await fixture.sql
    .query(`create or replace function fail_serialization() returns trigger language plpgsql as $$ begin if new.id = 2 then raise exception 'x' using errcode = '40001'; end if; return new; end $$;
    create trigger fail before insert on hollow for each row execute function fail_serialization()`);
  const records = [1, 2, 3].map((id): [RowKey, Staged] => [
    key('hollow', String(id)),
    { kind: 'insert', version: '1' },
  ]);
  const outcomes = await fixture.flush([{ ...fixture.batch(records), attempts: 4 }]);
  expect([...outcomes]).toMatchObject([[key('hollow', '2'), { kind: 'again', attempts: 1 }]]);
  expect(await count('hollow')).toBe(2);
});

test('a table that a trigger misses for one row makes that row wait, unblamed; the others are written', async () => {
  await fixture.sql
    .query(`create function audit() returns trigger language plpgsql as $$ begin if new.id = 2 then insert into audit_of_two values (new.id); end if; return new; end $$;
    create trigger audit before insert on hollow for each row execute function audit()`);
  const outcomes = await fixture.write(
    ...[1, 2, 3].map((id): [RowKey, Staged] => [
      key('hollow', String(id)),
      { kind: 'insert', version: '1', attempts: 4 },
    ]),
  );
  expect([...outcomes]).toMatchObject([[key('hollow', '2'), { kind: 'again', attempts: 4 }]]);
  expect(fixture.tableFaults).toMatchObject([{ table: 'hollow', code: '42P01', records: 1 }]);
  expect(await count('hollow')).toBe(2);
});

test('a rule that PostgreSQL cannot follow makes its table wait, unblamed and told; the others are committed', async () => {
  await fixture.sql.query('create rule note as on insert to hollow do also select 1');
  const outcomes = await fixture.write(
    ...[1, 2, 3].map((id): [RowKey, Staged] => [
      key('hollow', String(id)),
      { kind: 'insert', version: '1', attempts: 4 },
    ]),
    [product(1), { kind: 'insert', version: '1' }],
  );
  expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(['again', 'again', 'again']);
  expect(fixture.tableFaults).toMatchObject([{ table: 'hollow', code: '0A000', records: 3 }]);
  expect(await count('product')).toBe(1);
});

test('a statement that takes too long is halved, and the slow row waits alone, longer the longer it has waited', async () => {
  await fixture.sql
    .query(`create function dawdle() returns trigger language plpgsql as $$ begin if new.id = 3 then perform pg_sleep(60); end if; return new; end $$;
    create trigger dawdle before insert on hollow for each row execute function dawdle()`);
  const sink = fixture.open([table('hollow', { name: 'text' })], { limits: { statementTimeoutMs: 100 } });
  const batch = fixture.batch(
    [1, 2, 3, 4].map((id): [RowKey, Staged] => [key('hollow', String(id)), { kind: 'insert', version: '1' }]),
  );
  {
    await using transaction = await sink.begin([0]);
    const outcomes = await transaction.write([batch], () => Promise.resolve(new Set()));
    await transaction.commit();
    expect([...(outcomes.get(batch.token) ?? [])]).toMatchObject([
      [key('hollow', '3'), { kind: 'again', attempts: 0, delayMs: 30_000 }],
    ]);
  }
  await sink.close();
  expect(await count('hollow')).toBe(3);
});

describe('H19 (R20): a staged text that is more than one JSON value', () => {
  const more = '"x"},{"i":0,"k0":"2","b":1,"v":2,"c0":"stolen"';
  const fine: Staged = { kind: 'update', base: '1', version: '2', values: { name: '"fine"' } };
  const reason = expect.stringContaining('"name" is not one JSON text') as string;

  test.each<[string, Staged]>([
    ['in a value', { kind: 'update', base: '1', version: '2', values: { name: more } }],
    ['in an original', { kind: 'update', base: '1', version: '2', values: {}, originals: { name: more } }],
    ['in a row that is made', { kind: 'upsert', version: '2', values: { name: more } }],
    ['that is none', { kind: 'update', base: '1', version: '2', values: { name: '' } }],
    ['that is cut off', { kind: 'update', base: '1', version: '2', values: { name: '"x' } }],
  ])('%s, is a dead letter at once, and writes no other row', async (_, record) => {
    await fixture.write(
      ...[1, 2, 3].map((id) => [product(id), { kind: 'insert', version: '1', values: { name: `"${id}"` } }] as const),
    );
    const outcomes = await fixture.write([product(1), record], [product(3), fine]);
    expect([...outcomes]).toEqual([
      [product(1), { kind: 'buried', code: 'UNREADABLE', reason, rejected: false, counted: false }],
    ]);
    expect(await fixture.rows('select id, name, version from product order by id')).toEqual([
      { id: 1, name: '1', version: 1 },
      { id: 2, name: '2', version: 1 },
      { id: 3, name: 'fine', version: 2 },
    ]);
  });
});

test(
  'rows next to several slow ones are written in the end, though a flush has time for a few tries only',
  { timeout: 120_000 },
  async () => {
    await fixture.sql.query(`create or replace function dawdle_often() returns trigger language plpgsql as $$
      begin if new.id % 4 = 3 then perform pg_sleep(60); end if; return new; end $$;
    create trigger dawdle_often before insert on hollow for each row execute function dawdle_often()`);
    const sink = fixture.open([table('hollow', { name: 'text' })], { limits: { statementTimeoutMs: 300 } });
    const left = new Set(Array.from({ length: 16 }, (_, id) => id));
    for (let flushes = 0; left.size > 4 && flushes < 60; flushes += 1) {
      const batch = fixture.batch([...left].map((id) => [key('hollow', String(id)), { kind: 'insert', version: '1' }]));
      await using transaction = await sink.begin([0]);
      const outcomes = (await transaction.write([batch], () => Promise.resolve(new Set()))).get(batch.token);
      await transaction.commit();
      for (const id of left) if (!outcomes?.has(key('hollow', String(id)))) left.delete(id);
    }
    await sink.close();
    expect([...left]).toEqual([3, 7, 11, 15]);
  },
);

test('what cannot be read is buried; what only this process does not know waits', async () => {
  const batch = {
    ...fixture.batch([
      [key('elsewhere', '1'), { kind: 'insert', version: '1', attempts: 2 }],
      [product(1), { kind: 'insert', version: '1', values: { colour: '"red"' }, attempts: 4 }],
      [product(2), { kind: 'insert', version: '1', values: { ['__proto__']: '1' }, attempts: 4 }],
      [product('x'), { kind: 'insert', version: '1', attempts: 4 }],
      ['nonsense' as RowKey, { kind: 'insert' }],
      [key('product', '1', '2'), { kind: 'insert', attempts: 4 }],
    ]),
    unreadable: new Map([[product(9), 'bad bytes']]),
  };
  const outcomes = await fixture.flush([batch]);
  expect(outcomes.get(key('elsewhere', '1'))).toMatchObject({ kind: 'again', attempts: 2, delayMs: 1_000 });
  expect(outcomes.get(product(1))).toMatchObject({
    kind: 'buried',
    code: 'UNREADABLE',
    reason: expect.stringContaining('colour'),
  });
  expect(outcomes.get(product('x'))).toMatchObject({ kind: 'buried', code: '22P02' });
  expect(outcomes.get('nonsense' as RowKey)).toMatchObject({ kind: 'buried', code: 'UNREADABLE' });
  expect(outcomes.get(key('product', '1', '2'))).toMatchObject({ kind: 'buried', code: 'UNREADABLE' });
  expect(outcomes.get(product(9))).toEqual({
    kind: 'buried',
    code: 'UNREADABLE',
    reason: 'bad bytes',
    rejected: false,
    counted: false,
  });
  expect(fixture.tableFaults).toMatchObject([{ table: 'elsewhere', code: 'UNKNOWN_TABLE', records: 1 }]);
  expect(outcomes.get(product(2))).toMatchObject({ kind: 'buried', code: 'UNREADABLE' });
  expect(await count('product')).toBe(0);
});

test('a trigger that leaves a row out is tried once more, then the record is buried as not writable', async () => {
  await fixture.sql
    .query(`create table shy (id int primary key, name text, version int); insert into shy values (1, 'old', 1);
    create function leave_out() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger leave_out before insert or update or delete on shy for each row execute function leave_out()`);
  const write = (id: string, record: Staged) => fixture.one(key('shy', id), record);
  for (const [id, record] of [
    ['1', { kind: 'update', base: '1', version: '2', values: { name: '"x"' } }],
    ['1', { kind: 'delete', base: '1' }],
    ['2', { kind: 'insert', version: '1' }],
    ['1', { kind: 'update', values: { name: '"x"' }, missing: { create: {} } }],
    ['2', { kind: 'update', values: { name: '"x"' }, missing: { create: {} } }],
  ] as const) {
    expect(await write(id, record)).toMatchObject({ kind: 'again', attempts: 1 });
    expect(await write(id, { ...record, attempts: 1 })).toMatchObject({
      kind: 'buried',
      code: 'NOT_WRITABLE',
      rejected: true,
    });
  }
});

test('a record is not buried before its pauses could have passed, however often drains have tried it', async () => {
  const [rowKey, record] = inserts(1, () => ({ stock: '-1' }))[0] ?? [];
  if (!rowKey || !record) throw new Error('no record');
  const tried = { ...record, attempts: 4 };
  const fresh = await fixture.one(rowKey, { ...tried, firstAtMs: 999_999_990 });
  expect(fresh).toMatchObject({ kind: 'again', attempts: 4, reason: expect.stringContaining('check') });
  expect(await fixture.one(rowKey, tried)).toMatchObject({ kind: 'buried', code: '23514' });
});
