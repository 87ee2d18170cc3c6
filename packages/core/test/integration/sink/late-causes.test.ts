import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { RowKey } from '../../../src/change/row-key.js';
import { key, NOBODY, SinkFixture, table } from './fixture.js';

/** With one attempt, who is blamed is dead. */
const retry = { attempts: 1, minDelayMs: 1, maxDelayMs: 10 };
const author = { parts: [{ value: 'author' }], target: { schema: 'public', table: 'author' } } as const;

const fixture = await SinkFixture.create(
  `create table author (id int primary key, email text unique, author int references author, version int not null default 1);
   create table book (id int primary key, author int references author, code text unique, version int not null default 1)`,
  [
    table('author', { email: 'text', author: 'integer' }, { order: 1, references: [author], retry }),
    table('book', { author: 'integer', code: 'text' }, { order: 2, references: [author], retry }),
  ],
);
afterAll(() => fixture[Symbol.asyncDispose]());
beforeEach(() => fixture.sql.query('truncate book, author'));

const insert = (values: Record<string, string>) => ({ kind: 'insert', version: '1', values }) as const;
const ids = async (name: string) => (await fixture.rows(`select id from ${name} order by id`)).map(({ id }) => id);

/** Another transaction commits and is acknowledged just before this question, so nothing is pending any more. */
const nobodyAfter = (sql: string) => async (): Promise<ReadonlySet<RowKey>> => {
  await fixture.sql.query(sql);
  return new Set();
};

describe('a row is not blamed for what has ended between its refusal and the question what is pending', () => {
  test('one whose parent has come', async () => {
    const batch = fixture.batch([[key('author', '2'), insert({ author: '1' })]]);
    const parent = 'insert into author (id) values (1) on conflict do nothing';
    expect([...(await fixture.flush([batch], nobodyAfter(parent)))]).toEqual([]);
    expect(await ids('author')).toEqual([1, 2]);
  });

  test('several whose parent has come, beside one that has none', async () => {
    const children = [2, 3, 4].map((id) => [key('book', String(id)), insert({ author: '1' })] as const);
    const orphan = [key('book', '5'), insert({ author: '9' })] as const;
    const parent = 'insert into author (id) values (1) on conflict do nothing';
    const outcomes = await fixture.flush([fixture.batch([...children, orphan])], nobodyAfter(parent));
    expect([...outcomes]).toMatchObject([[orphan[0], { kind: 'buried', code: '23503' }]]);
    expect(await ids('book')).toEqual([2, 3, 4]);
  });

  test('one whose unique value was given up', async () => {
    await fixture.sql.query(`insert into book (id, code) values (1, 'x')`);
    const batch = fixture.batch([[key('book', '2'), insert({ code: '"x"' })]]);
    const given = nobodyAfter(`update book set code = 'y' where id = 1`);
    expect([...(await fixture.flush([batch], NOBODY, given))]).toEqual([]);
    expect(await ids('book')).toEqual([1, 2]);
  });

  test('one that is deleted, and was referred to', async () => {
    await fixture.sql.query('insert into author (id) values (1); insert into book (id, author) values (1, 1)');
    const batch = fixture.batch([[key('author', '1'), { kind: 'delete', base: '1' } as never]]);
    expect([...(await fixture.flush([batch], NOBODY, nobodyAfter('delete from book')))]).toEqual([]);
    expect(await ids('author')).toEqual([]);
  });

  test('one that another row of its batch needs', async () => {
    await fixture.sql.query(`insert into author (id, email) values (1, 'a')`);
    const first = [key('author', '2'), insert({ email: '"a"' })] as const;
    const second = [key('book', '3'), insert({ author: '2' })] as const;
    const given = nobodyAfter(`update author set email = 'b' where id = 1`);
    expect([...(await fixture.flush([fixture.batch([first, second])], NOBODY, given))]).toEqual([]);
    expect(await ids('book')).toEqual([3]);
  });
});

test('a row that is refused for another reason by then waits for what that reason asks for', async () => {
  await fixture.sql.query(`insert into book (id, code) values (1, 'x')`);
  const batch = fixture.batch([[key('book', '2'), insert({ author: '1', code: '"x"' })]]);
  const isPending = async (keys: readonly RowKey[]) => new Set(keys);
  const outcomes = await fixture.flush([batch], isPending, nobodyAfter(`update book set code = 'y' where id = 1`));
  expect([...outcomes]).toMatchObject([[key('book', '2'), { kind: 'again', attempts: 0 }]]);
});

test('a row waits whose cause is left for another flush when all are tried once more', async () => {
  await fixture.sql.query(`insert into book (id, code) values (1, 'x'), (9, 'z')`);
  const giver = [key('book', '1'), { kind: 'update', base: '1', version: '2', values: { code: '"z"' } }] as const;
  const taker = [key('book', '2'), insert({ code: '"x"' })] as const;
  const locker = new pg.Client({ connectionString: fixture.url });
  await locker.connect();
  try {
    const outcomes = await fixture.flush([fixture.batch([giver, taker])], NOBODY, async () => {
      await fixture.sql.query(`update book set code = 'w' where id = 9`);
      await locker.query('begin; select from book where id = 1 for update');
      return new Set();
    });
    expect(Object.fromEntries(outcomes)).toMatchObject({
      [giver[0]]: { kind: 'again', attempts: 0 },
      [taker[0]]: { kind: 'again', attempts: 0 },
    });
  } finally {
    await locker.end();
  }
});

test('a row whose cause stays is blamed, and says the last reason', async () => {
  await fixture.sql.query(`insert into book (id, code) values (1, 'x')`);
  const batch = fixture.batch([[key('book', '2'), insert({ author: '1', code: '"x"' })]]);
  const outcomes = await fixture.flush([batch], NOBODY, nobodyAfter(`update book set code = 'y' where id = 1`));
  expect([...outcomes]).toMatchObject([[key('book', '2'), { kind: 'buried', code: '23503' }]]);
});
