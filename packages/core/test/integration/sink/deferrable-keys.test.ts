import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { key, SinkFixture, table, type Staged } from './fixture.js';

const tables = {
  deferred: table('deferred', { name: 'text', hits: 'integer' }, { counters: { hits: 0 } }),
  pair: table('pair', { name: 'text' }, { key: [column('a'), column('b')] }),
  published: table('published', { name: 'text' }),
};

function column(name: string) {
  return { property: name, name, type: 'integer', read: 'direct' } as const;
}

const fixture = await SinkFixture.create(
  `create table deferred (id int, name text, hits int not null default 0, version int not null default 1,
     constraint deferred_pkey primary key (id) deferrable initially deferred);
   create table pair (a int, b int, name text, version int not null default 1, primary key (a, b) deferrable);
   create table published (id int primary key, name text, version int not null default 1);
   alter table published replica identity nothing;
   create publication every_change for table published`,
  Object.values(tables),
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(async () => {
  await fixture.sql.query('truncate deferred, pair');
  fixture.tableFaults.length = 0;
});

const row = (id: number) => key('deferred', String(id));

describe('a table whose primary key is deferrable, which `on conflict` cannot name,', () => {
  test('is written, from the first batch on', async () => {
    const insert: Staged = { kind: 'insert', version: '1', values: { name: '"new"' } };
    expect(await fixture.write([row(1), insert], [row(2), insert])).toEqual(new Map());
    expect(await fixture.write([key('pair', '1', '2'), insert], [key('pair', '1', '3'), insert])).toEqual(new Map());
    expect(await fixture.rows('select id from deferred order by id')).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await fixture.rows('select b from pair order by b')).toEqual([{ b: 2 }, { b: 3 }]);
    expect(fixture.tableFaults).toEqual([]);
  });

  test('leaves a row alone that is there already', async () => {
    await fixture.sql.query(`insert into deferred (id, name) values (1, 'old')`);
    const insert: Staged = { kind: 'insert', version: '1', values: { name: '"new"' } };
    expect([...(await fixture.write([row(1), insert], [row(2), insert]))]).toMatchObject([
      [row(1), { kind: 'buried', code: 'ROW_EXISTS' }],
    ]);
    expect(await fixture.rows('select id, name from deferred order by id')).toEqual([
      { id: 1, name: 'old' },
      { id: 2, name: 'new' },
    ]);
  });

  test('is upserted: what is there gets the values and a version of its own, what is not is inserted', async () => {
    await fixture.sql.query(`insert into deferred (id, name, hits, version) values (1, 'old', 5, 7)`);
    const upsert: Staged = { kind: 'upsert', values: { name: '"new"', hits: '10' }, deltas: { hits: '1' } };
    expect(await fixture.write([row(1), upsert], [row(2), upsert])).toEqual(
      new Map([
        [row(1), { kind: 'version', version: '8' }],
        [row(2), { kind: 'version', version: '1' }],
      ]),
    );
    expect(await fixture.rows('select * from deferred order by id')).toEqual([
      { id: 1, name: 'new', hits: 11, version: 8 },
      { id: 2, name: 'new', hits: 11, version: 1 },
    ]);
  });

  test('takes a replacement of a row that is gone', async () => {
    const replace: Staged = { kind: 'replace', base: '1', version: '2', values: { name: '"again"' } };
    expect(await fixture.one(row(1), replace)).toEqual({ kind: 'applied' });
    expect(await fixture.rows('select name, version from deferred')).toEqual([{ name: 'again', version: 2 }]);
  });
});

test('what PostgreSQL refuses in the same words for another reason makes the table wait, and is told', async () => {
  await fixture.sql.query(`insert into published values (1, 'old', 1)`);
  const outcomes = await fixture.write(
    [key('published', '1'), { kind: 'update', base: '1', version: '2', values: { name: '"x"' }, attempts: 4 }],
    [row(3), { kind: 'insert', version: '1' }],
  );
  expect([...outcomes]).toMatchObject([[key('published', '1'), { kind: 'again', attempts: 4 }]]);
  expect(fixture.tableFaults).toMatchObject([{ table: 'published', code: '55000', records: 1 }]);
  expect(await fixture.rows('select id from deferred')).toEqual([{ id: 3 }]);
});
