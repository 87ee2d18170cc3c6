import type { MikroORM } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Book, libraryOrm } from './library.js';

let db: LoggedDatabase;
let orm: MikroORM;
let other: MikroORM;
/** Writes past Spillway. */
let program: pg.Client;

beforeAll(async () => {
  db = await loggedDatabase();
  const settings = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false } as const;
  orm = await libraryOrm(db.url, settings);
  await orm.schema.create();
  other = await libraryOrm(db.url, settings);
  program = new pg.Client({ connectionString: db.url });
  await program.connect();
});

afterAll(async () => {
  await program.end();
  await orm.close();
  await other.close();
  await db.drop();
});

async function booksReadDuring(act: () => unknown): Promise<string[]> {
  return (await db.statements.during(act)).filter((statement) => statement.includes('"book"'));
}

/** A book in PostgreSQL, with nothing pending, that has a copy. */
async function copiedBook(title: string): Promise<string> {
  const em = orm.em.fork();
  const { id } = em.create(Book, { title });
  await em.flush();
  await Spillway.of(orm).drain();
  await other.em.fork().findOneOrFail(Book, id);
  return id;
}

async function changed(id: string, title: string, loans = 0): Promise<void> {
  const em = orm.em.fork();
  const book = await em.findOneOrFail(Book, id);
  book.title = title;
  book.loans += loans;
  await em.flush();
}

async function shown(id: string, refresh = false): Promise<Pick<Book, 'title' | 'loans' | 'version'> | undefined> {
  const book = await other.em.fork().findOne(Book, id, { refresh });
  return book ? { title: book.title, loans: book.loans, version: book.version } : undefined;
}

describe('a copy', () => {
  test('R1: outlives staged changes: each of them is seen, and no look-up needs SQL', async () => {
    const id = await copiedBook('First');
    const statements = await booksReadDuring(async () => {
      for (const [index, title] of ['Second', 'Third', 'Fourth'].entries()) {
        await changed(id, title, 2);
        expect(await shown(id)).toEqual({ title, loans: 2 * (index + 1), version: index + 2 });
      }
    });
    expect(statements).toEqual([]);
  });

  test('R1: is made of a row with pending changes, without them', async () => {
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'First' });
    await em.flush();
    await Spillway.of(orm).drain();
    book.title = 'Second';
    book.loans += 2;
    await em.flush();
    const seen = { title: 'Second', loans: 2, version: 2 };
    expect(await shown(book.id)).toEqual(seen);
    expect(await booksReadDuring(async () => expect(await shown(book.id)).toEqual(seen))).toEqual([]);
  });

  test('R1: does not hide a pending change behind a version that another program has given its row', async () => {
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'First' });
    await em.flush();
    await Spillway.of(orm).drain();
    book.title = 'Staged';
    await em.flush();
    // The program has read version 1 too, and makes the number that is pending. The copy is filled from its row.
    await program.query("update book set title = 'Program', loans = 5, version = 2 where id = $1", [book.id]);
    for (let looks = 0; looks < 3; looks += 1)
      expect(await shown(book.id)).toEqual({ title: 'Staged', loans: 5, version: 2 });
  });

  test('R3: is carried on by a flush: the row is read without SQL as PostgreSQL has it', async () => {
    const id = await copiedBook('First');
    for (const title of ['Second', 'Third']) {
      await changed(id, title, 2);
      await Spillway.of(orm).drain();
    }
    const statements = await booksReadDuring(async () => {
      expect(await shown(id)).toEqual({ title: 'Third', loans: 4, version: 3 });
    });
    expect(statements).toEqual([]);
    expect(await shown(id, true)).toEqual({ title: 'Third', loans: 4, version: 3 });
    // What is changed is based on the version that was carried on.
    await changed(id, 'Fourth');
    await Spillway.of(orm).drain();
    expect(await shown(id, true)).toEqual({ title: 'Fourth', loans: 4, version: 4 });
  });

  test('R3: is carried on by a patch, with the version that PostgreSQL has given', async () => {
    const id = await copiedBook('First');
    for (const title of ['Second', 'Third']) {
      await orm.em.fork().nativeUpdate(Book, { id }, { title });
      await changed(id, title, 2);
      await Spillway.of(orm).drain();
      await Spillway.of(orm).patch(Book, id, { title: `${title}, patched` });
      await Spillway.of(orm).drain();
    }
    const statements = await booksReadDuring(async () => {
      expect(await shown(id)).toMatchObject({ title: 'Third, patched', loans: 4 });
    });
    expect(statements).toEqual([]);
    expect(await shown(id)).toEqual(await shown(id, true));
    // What is changed is based on the version that was carried on.
    await changed(id, 'Fourth');
    await Spillway.of(orm).drain();
    expect(await shown(id, true)).toMatchObject({ title: 'Fourth', loans: 4 });
  });

  test('R3: is dropped by a patch whose version tells that a program has written the row in between', async () => {
    const id = await copiedBook('First');
    await program.query("update book set title = 'Theirs', loans = 30, version = 7 where id = $1", [id]);
    await Spillway.of(orm).patch(Book, id, { title: 'Patched' });
    await Spillway.of(orm).drain();
    // The version of the patch is more than one above the copy's, so the copy lacks what the program has written.
    expect(await shown(id)).toEqual({ title: 'Patched', loans: 30, version: 8 });
  });

  test('R7: that is older than the base of a pending change is not shown under its version', async () => {
    const id = await copiedBook('Six');
    await program.query("update book set title = 'Seven', loans = 70, version = 7 where id = $1", [id]);
    const em = orm.em.fork();
    const book = await em.findOneOrFail(Book, id, { refresh: true });
    expect(book.title).toBe('Seven');
    book.title = 'Eight';
    await em.flush();
    expect(await shown(id)).toEqual({ title: 'Eight', loans: 70, version: 8 });
    // The old copy is gone, and a new one is filled.
    expect(await shown(id)).toEqual({ title: 'Eight', loans: 70, version: 8 });
    expect(await booksReadDuring(async () => shown(id))).toEqual([]);
  });

  test('R7: that is older than what is remembered of its row is not shown', async () => {
    const id = await copiedBook('Six');
    await program.query("update book set title = 'Seven', loans = 70, version = 7 where id = $1", [id]);
    const em = orm.em.fork();
    (await em.findOneOrFail(Book, id, { refresh: true })).title = 'Eight';
    await em.flush();
    await Spillway.of(orm).drain();
    expect(await shown(id)).toEqual({ title: 'Eight', loans: 70, version: 8 });
  });

  test('of a row whose deletion is pending is no row, without SQL', async () => {
    const id = await copiedBook('Lost');
    const em = orm.em.fork();
    await em.remove(await em.findOneOrFail(Book, id)).flush();
    expect(await booksReadDuring(async () => expect(await shown(id)).toBeUndefined())).toEqual([]);
  });
});
