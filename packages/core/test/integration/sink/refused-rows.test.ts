import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { BatchOutcome } from '../../../src/change/outcome.js';
import type { RowKey } from '../../../src/change/row-key.js';
import { key, SinkFixture, table, type Staged } from './fixture.js';

const once = { attempts: 1, minDelayMs: 100, maxDelayMs: 30_000 };
const place = { parts: [{ value: 'place' }], target: { schema: 'public', table: 'place' } } as const;

const fixture = await SinkFixture.create(
  `create table place (id int primary key, code text unique, stock int check (stock >= 0), version int not null default 1);
   create table guest (id int primary key, place int references place, version int not null default 1);
   create table span (id int primary key, during int4range, version int not null default 1, exclude using gist (during with &&));
   create table quota (id int primary key, owner int not null, version int not null default 1);
   create function one_each() returns trigger language plpgsql as $$ begin
     if (select count(*) from quota where owner = new.owner) >= 1 then raise exception 'one row for each owner'; end if;
     return new;
   end $$;
   create trigger one_each before insert or update on quota for each row execute function one_each()`,
  [
    table('place', { code: 'text', stock: 'integer' }, { order: 1, retry: once }),
    table('guest', { place: 'integer' }, { order: 2, references: [place], retry: once }),
    table('span', { during: 'int4range' }, { retry: once }),
    table('quota', { owner: 'integer' }, { retry: once }),
  ],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query('truncate place, guest, span, quota');
  fixture.tableFaults.length = 0;
});

type Entry = readonly [RowKey, Staged];
const placeKey = (id: number) => key('place', String(id));
const insert = (id: number, values: Staged['values'], more: Partial<Staged> = {}): Entry => [
  placeKey(id),
  { kind: 'insert', version: '1', values: values ?? {}, ...more },
];
const recode = (id: number, code: string): Entry => [
  placeKey(id),
  { kind: 'update', base: '1', version: '2', values: { code: JSON.stringify(code) } },
];
const remove = (id: number): Entry => [placeKey(id), { kind: 'delete', base: '1' }];
const kinds = (outcomes: BatchOutcome) => [...new Set([...outcomes.values()].map(({ kind }) => kind))];
const codes = async () => fixture.rows('select id, code from place order by id');

describe('good rows are written at once, whatever share of a batch is refused', { timeout: 120_000 }, () => {
  const SHARES: Readonly<Record<string, (id: number) => boolean>> = {
    'one in a hundred': (id) => id % 100 === 7,
    'every second one': (id) => id % 2 === 0,
    'all but one in a hundred': (id) => id % 100 !== 7,
    'all of them': () => true,
  };
  test.each(Object.entries(SHARES))('%s', async (_share, isRefused) => {
    const ids = Array.from({ length: 200 }, (_, id) => id);
    const refused = ids.filter(isRefused);
    const outcomes = await fixture.write(
      ...ids.map((id) => insert(id, { code: `"${id}"`, stock: isRefused(id) ? '-1' : '1' })),
    );
    const written = await fixture.rows('select id from place order by id');
    expect(written).toEqual(ids.filter((id) => !isRefused(id)).map((id) => ({ id })));
    // With one attempt, every refused row is a dead letter after it.
    expect([...outcomes.keys()].toSorted()).toEqual(refused.map(placeKey).toSorted());
    expect(kinds(outcomes)).toEqual(['buried']);
  });

  test('also of several tables, and where rows were refused before', async () => {
    await fixture.write(insert(1_000, {}));
    const guests = Array.from({ length: 100 }, (_, id): Entry => [
      key('guest', String(id)),
      { kind: 'insert', version: '1', values: { place: id % 2 === 0 ? '1000' : '7' } },
    ]);
    const places = Array.from({ length: 100 }, (_, id) => insert(id + 2_000, { stock: id % 2 === 0 ? '1' : '-1' }));
    await fixture.write(...places, ...guests);
    expect(await fixture.rows('select count(*)::int as n from guest')).toEqual([{ n: 50 }]);
    expect(await fixture.rows('select count(*)::int as n from place where id >= 2000')).toEqual([{ n: 50 }]);
  });

  test('also children of which many wait for parents that are pending elsewhere', async () => {
    await fixture.write(insert(1_000, {}));
    const guests = Array.from({ length: 200 }, (_, id): Entry => [
      key('guest', String(id)),
      { kind: 'insert', version: '1', values: { place: id % 2 === 0 ? '1000' : String(5_000 + id) } },
    ]);
    // Something is pending of every parent, also of the one that is in the database.
    const outcomes = await fixture.flush([fixture.batch(guests)], (keys) => Promise.resolve(new Set(keys)));
    expect(await fixture.rows('select count(*)::int as n from guest')).toEqual([{ n: 100 }]);
    expect(outcomes.size).toBe(100);
    expect([...outcomes.values()].every((outcome) => outcome.kind === 'again' && outcome.attempts === 0)).toBe(true);
  });
});

describe(
  'with one attempt, a row is blamed only after everything else of its batch has been written',
  { timeout: 120_000 },
  () => {
    beforeEach(async () => {
      await fixture.write(...[1, 2, 3].map((id) => insert(id, { code: `"${id}"` })));
    });

    test('a new row gets the unique value of a row that is deleted, or renamed, in the same batch', async () => {
      expect(
        await fixture.write(insert(4, { code: '"1"' }), insert(5, { code: '"2"' }), remove(1), recode(2, 'two')),
      ).toEqual(new Map());
      expect(await codes()).toEqual([
        { id: 2, code: 'two' },
        { id: 3, code: '3' },
        { id: 4, code: '1' },
        { id: 5, code: '2' },
      ]);
    });

    test('many new rows get the unique values of many rows that are deleted', async () => {
      await fixture.write(...Array.from({ length: 200 }, (_, id) => insert(id + 100, { code: `"many ${id}"` })));
      const moves = Array.from({ length: 200 }, (_, id) => [
        remove(id + 100),
        insert(id + 1_100, { code: `"many ${id}"` }),
      ]).flat();
      expect(await fixture.write(...moves)).toEqual(new Map());
    });

    test.each(['forwards', 'backwards'])('a chain of rows that pass a unique value on is written (%s)', async (way) => {
      const ids = Array.from({ length: 20 }, (_, id) => id + 100);
      await fixture.write(...ids.map((id) => insert(id, { code: `"at ${id}"` })));
      const step = way === 'forwards' ? 1 : -1;
      expect(await fixture.write(...ids.map((id) => recode(id, `at ${id + step}`)))).toEqual(new Map());
      expect(
        await fixture.rows('select id from place where id >= 100 and code <> concat($$at $$, id + ' + step + ')'),
      ).toEqual([]);
    });

    test('a row that is referred to is deleted when its children have been moved to a row that gets its unique value', async () => {
      await fixture.write([key('guest', '1'), { kind: 'insert', version: '1', values: { place: '1' } }]);
      expect(
        await fixture.write(
          insert(4, { code: '"1"' }),
          [key('guest', '1'), { kind: 'update', base: '1', version: '2', values: { place: '4' } }],
          recode(1, 'old'),
        ),
      ).toEqual(new Map());
      expect(await fixture.write(recode(4, 'old'), [placeKey(1), { kind: 'delete', base: '2' }])).toEqual(new Map());
    });

    test('an exclusion, and a trigger that looks at other rows, refuse a row only for what is left in the end', async () => {
      await fixture.write([key('span', '1'), { kind: 'insert', version: '1', values: { during: '"[1,5)"' } }]);
      await fixture.write([key('quota', '1'), { kind: 'insert', version: '1', values: { owner: '9' } }]);
      expect(
        await fixture.write(
          [key('span', '2'), { kind: 'insert', version: '1', values: { during: '"[2,4)"' } }],
          [key('span', '1'), { kind: 'delete', base: '1' }],
          [key('quota', '2'), { kind: 'insert', version: '1', values: { owner: '9' } }],
          [key('quota', '1'), { kind: 'delete', base: '1' }],
        ),
      ).toEqual(new Map());
    });

    test('a value that is taken all the same is a dead letter, and only that', async () => {
      const outcomes = await fixture.write(insert(4, { code: '"1"' }), insert(5, { code: '"3"' }), remove(1));
      expect([...outcomes]).toMatchObject([[placeKey(5), { kind: 'buried', code: '23505' }]]);
      expect(await codes()).toMatchObject([{ id: 2 }, { id: 3 }, { id: 4, code: '1' }]);
    });

    test('a row waits for one of its table that waits itself, since somebody has locked it', async () => {
      await fixture.sql.query('begin; select from place where id = 1 for update');
      const outcomes = await fixture.write(insert(4, { code: '"1"' }), recode(1, 'one'));
      await fixture.sql.query('rollback');
      expect(outcomes.get(placeKey(1))).toMatchObject({ kind: 'again', attempts: 0 });
      expect(outcomes.get(placeKey(4))).toMatchObject({ kind: 'again', attempts: 0 });
    });

    test('a row waits for what is pending of its table elsewhere, and is blamed when nothing is', async () => {
      const batch = () => fixture.batch([insert(4, { code: '"1"' }), insert(5, { stock: '-1' })]);
      const asked: RowKey[] = [];
      const wait = async (rows: readonly { readonly rowKey: RowKey }[]) => {
        asked.push(...rows.map(({ rowKey }) => rowKey));
        return new Set(rows.map(({ rowKey }) => rowKey));
      };
      const outcomes = await fixture.flush([batch()], undefined, wait);
      expect(outcomes.get(placeKey(4))).toMatchObject({ kind: 'again', attempts: 0 });
      // What is wrong with a row alone is wrong whatever the others are.
      expect(outcomes.get(placeKey(5))).toMatchObject({ kind: 'buried', code: '23514' });
      expect(asked).toEqual([placeKey(4)]);
      expect((await fixture.flush([batch()])).get(placeKey(4))).toMatchObject({ kind: 'buried', code: '23505' });
    });
  },
);

test('many rows that are refused alike are counted too, pause as long as the policy lets them, and are told once', async () => {
  const patient = fixture.open([
    table('place', { code: 'text', stock: 'integer' }, { retry: { attempts: 3, minDelayMs: 100, maxDelayMs: 30_000 } }),
  ]);
  const flush = async (attempts: number) => {
    const rows = Array.from({ length: 60 }, (_, id) => insert(id, { stock: id % 2 === 0 ? '-1' : '1' }, { attempts }));
    const batch = fixture.batch(rows);
    await using transaction = await patient.begin([0]);
    const outcomes = await transaction.write([batch], () => Promise.resolve(new Set()));
    await transaction.commit();
    return [...(outcomes.get(batch.token)?.values() ?? [])];
  };
  const first = await flush(0);
  expect(first).toHaveLength(30);
  expect(first.every((outcome) => outcome.kind === 'again' && outcome.attempts === 1)).toBe(true);
  expect(first.every((outcome) => outcome.kind === 'again' && outcome.delayMs === 30_000)).toBe(true);
  expect(fixture.tableFaults).toMatchObject([{ table: 'place', code: '23514', records: 30 }]);
  await fixture.sql.query('truncate place cascade');
  expect(await flush(1)).toMatchObject(Array.from({ length: 30 }, () => ({ kind: 'again', attempts: 2 })));
  await fixture.sql.query('truncate place cascade');
  expect(await flush(2)).toMatchObject(Array.from({ length: 30 }, () => ({ kind: 'buried', code: '23514' })));
  expect(fixture.tableFaults).toHaveLength(1);
  await patient.close();
});
