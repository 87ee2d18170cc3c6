import { afterAll, expect, test } from 'vitest';
import type { RowKey } from '../../../src/change/row-key.js';
import { key, SinkFixture, table, type Staged } from './fixture.js';

const WIDE = Array.from({ length: 70 }, (_, position) => `p${position}`);
const ODD = ['m0', 'b', 'v', 'i', 's', 't', 'k0', 'c0', 'd0', 'excluded', 'a"b', 'select'];

const note = table('note', { text: 'text', doc: 'jsonb', code: 'text', must: 'filled', length: 'integer' });
const wide = table('wide', Object.fromEntries(WIDE.map((name) => [name, 'integer'])));
const odd = table('odd table', Object.fromEntries(ODD.map((name) => [name, 'text'])), { counters: {} });
const pair = table(
  'pair',
  { n: 'integer' },
  {
    key: ['left', 'right'].map((name) => ({ property: name, name, type: 'text', read: 'direct' as const })),
  },
);

const fixture = await SinkFixture.create(
  `create domain filled as text not null check (value <> 'bad');
   create table note (id int primary key, text text, doc jsonb default '{"d": 1}', code text unique, must filled default 'x',
     length int generated always as (length(text)) stored, version int not null default 1);
   create table wide (id int primary key, version int, ${WIDE.map((name) => `${name} int`).join(', ')});
   create table "odd table" (id int primary key, version int, ${ODD.map((name) => `"${name.replaceAll('"', '""')}" text`).join(', ')});
   create table pair ("left" text, "right" text, n int, version int, primary key ("left", "right"))`,
  [
    {
      ...note,
      columns: Object.fromEntries(Object.entries(note.columns).filter(([property]) => property !== 'length')),
    },
    wide,
    odd,
    pair,
  ],
);
afterAll(() => fixture[Symbol.asyncDispose]());

const insert = (values: Staged['values'] = {}): Staged => ({ kind: 'insert', version: '1', values });

test('H11: a column that an insert does not name takes its default, in a batch with rows that name it', async () => {
  const outcomes = await fixture.write(
    [key('note', '1'), insert({ doc: 'null' })],
    [key('note', '2'), insert({ text: '"two"' })],
    [key('note', '3'), insert({ doc: '"null"' })],
    [key('note', '4'), insert({ doc: '"\\"text\\""' })],
  );
  expect(outcomes).toEqual(new Map());
  expect(await fixture.rows('select id, doc::text, must, length from note order by id')).toEqual([
    { id: 1, doc: null, must: 'x', length: null },
    { id: 2, doc: '{"d": 1}', must: 'x', length: 3 },
    { id: 3, doc: 'null', must: 'x', length: null },
    { id: 4, doc: '"text"', must: 'x', length: null },
  ]);
});

test('H11: counters alone neither compare nor touch the version, next to records that do both, and one that only raises it', async () => {
  const counted = table('wide', wide.columns ? { p0: 'integer', p1: 'integer' } : {}, { counters: { p0: 0 } });
  const sink = fixture.open([counted]);
  await fixture.sql.query('truncate wide; insert into wide (id, version, p0) values (1, 5, 1), (2, 5, 1), (3, 5, 1)');
  const batch = fixture.batch([
    [key('wide', '1'), { kind: 'increment', deltas: { p0: '2' } }],
    [key('wide', '2'), { kind: 'update', base: '5', version: '6', values: { p1: '7' }, deltas: { p0: '2' } }],
    [key('wide', '3'), { kind: 'update', values: { p1: '7' } }],
  ]);
  {
    await using transaction = await sink.begin([0]);
    const outcomes = await transaction.write([batch], () => Promise.resolve(new Set()));
    expect(outcomes.get(batch.token)).toEqual(new Map([[key('wide', '3'), { kind: 'version', version: '6' }]]));
    await transaction.commit();
  }
  await sink.close();
  expect(await fixture.rows('select version, p0, p1 from wide order by id')).toEqual([
    { version: 5, p0: 3, p1: null },
    { version: 6, p0: 3, p1: 7 },
    { version: 6, p0: 1, p1: 7 },
  ]);
});

test('H11: seventy columns are masked one by one', async () => {
  await fixture.sql.query(`truncate wide; insert into wide (id, version, ${WIDE.join(', ')})
    select id, 1, ${WIDE.map(() => '-1').join(', ')} from generate_series(0, 69) as id`);
  await fixture.write(
    ...WIDE.map((name, id): [RowKey, Staged] => [
      key('wide', String(id)),
      { kind: 'update', base: '1', version: '2', values: { [name]: String(id) } },
    ]),
  );
  const rows = await fixture.rows('select * from wide order by id');
  expect(rows).toEqual(
    WIDE.map((_, id) => ({
      id,
      version: 2,
      ...Object.fromEntries(WIDE.map((name, position) => [name, position === id ? id : -1])),
    })),
  );
});

test('H11: a column may have any name', async () => {
  const values = Object.fromEntries(ODD.map((name) => [name, JSON.stringify(`value of ${name}`)]));
  const rowKey = key('odd table', '1');
  expect(await fixture.one(rowKey, insert(values))).toEqual({ kind: 'applied' });
  for (const kind of ['update', 'replace'] as const) {
    const base = kind === 'update' ? '1' : '2';
    const next = kind === 'update' ? '2' : '3';
    expect(await fixture.one(rowKey, { kind, base, version: next, values })).toEqual({ kind: 'applied' });
  }
  expect(await fixture.one(rowKey, { kind: 'upsert', version: '1', values })).toEqual({
    kind: 'version',
    version: '4',
  });
  expect(await fixture.rows('select * from "odd table"')).toEqual([
    { id: 1, version: 4, ...Object.fromEntries(ODD.map((name) => [name, `value of ${name}`])) },
  ]);
  expect(await fixture.one(rowKey, { kind: 'delete', base: '4' })).toEqual({ kind: 'applied' });
});

test('H11: a character that PostgreSQL cannot hold, or a domain, fails in the record set and blames its record', async () => {
  await fixture.sql.query('truncate note');
  const outcomes = await fixture.write(
    [key('note', '1'), insert({ text: '"a\\u0000b"' })],
    [key('note', '2'), insert({ text: '"fine"' })],
    [key('note', '3'), insert({ text: '"\\ud800"' })],
    [key('note', '4'), insert({ must: 'null' })],
    [key('note', '5'), insert({ must: '"bad"' })],
    [key('note', '6'), insert({ must: '"good"' })],
    [key('note', '7'), insert({ must: '{broken' })],
    [key('pair', '\0', 'x'), insert()],
  );
  expect([...outcomes.keys()].toSorted()).toEqual(
    [...['1', '3', '4', '5', '7'].map((id) => key('note', id)), key('pair', '\0', 'x')].toSorted(),
  );
  // H19: what is no JSON is not sent.
  expect(outcomes.get(key('note', '7'))).toMatchObject({ kind: 'buried', code: 'UNREADABLE' });
  const tried = [...outcomes].filter(([rowKey]) => rowKey !== key('note', '7')).map(([, outcome]) => outcome);
  expect(tried.every((outcome) => outcome.kind === 'again' && outcome.attempts === 1)).toBe(true);
  expect(await fixture.rows('select id from note order by id')).toEqual([{ id: 2 }, { id: 6 }]);
});

test('H11: only the primary key makes an insert a conflict; another unique value is the fault of its row', async () => {
  await fixture.sql.query(`truncate note; insert into note (id, code) values (1, 'taken')`);
  const outcomes = await fixture.write(
    [key('note', '1'), insert({ code: '"other"' })],
    [key('note', '2'), insert({ code: '"taken"' })],
    [key('note', '3'), insert({ code: '"free"' })],
    [key('note', '4'), { kind: 'upsert', version: '1', values: { code: '"taken"' } }],
  );
  expect(outcomes).toMatchObject(
    new Map([
      [key('note', '1'), { kind: 'buried', code: 'ROW_EXISTS' }],
      [key('note', '2'), { kind: 'again', attempts: 1 }],
      [key('note', '4'), { kind: 'again', attempts: 1 }],
    ]),
  );
  expect(await fixture.rows('select id, code from note order by id')).toEqual([
    { id: 1, code: 'taken' },
    { id: 3, code: 'free' },
  ]);
});

test('composite keys with any content name one row each', async () => {
  const keys = [
    ['a', 'b'],
    ['a,b', ''],
    ['', 'a,b'],
    ['"', '\\'],
    ["'", '"]'],
  ] as const;
  await fixture.write(
    ...keys.map(([left, right], n): [RowKey, Staged] => [key('pair', left, right), insert({ n: String(n) })]),
  );
  await fixture.write(
    ...keys.map(([left, right], n): [RowKey, Staged] => [
      key('pair', left, right),
      { kind: 'update', base: '1', version: '2', values: { n: String(n * 10) } },
    ]),
  );
  expect(await fixture.rows('select "left", "right", n from pair order by n')).toEqual(
    keys.map(([left, right], n) => ({ left, right, n: n * 10 })),
  );
});
