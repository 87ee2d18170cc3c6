import type { MikroORM } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Author, Book, libraryOrm } from './library.js';

let db: LoggedDatabase;
let orm: MikroORM;
let other: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  const settings = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false } as const;
  orm = await libraryOrm(db.url, settings);
  await orm.schema.create();
  other = await libraryOrm(db.url, settings);
});

afterAll(async () => {
  await orm.close();
  await other.close();
  await db.drop();
});

/** Statements about the entities' tables: the question whether copies may be believed is asked once in a while. */
async function readsDuring(act: () => unknown): Promise<string[]> {
  return (await db.statements.during(act)).filter((statement) => /"(author|book)"/.test(statement));
}

async function written(name: string): Promise<Author> {
  const em = orm.em.fork();
  const author = em.create(Author, { name });
  await em.flush();
  return author;
}

describe('a write-through entity', () => {
  test('is read by SQL once, then from its copy, in every process', async () => {
    const { id } = await written('Ada');
    expect(await readsDuring(() => orm.em.fork().findOneOrFail(Author, id))).toHaveLength(1);
    const statements = await readsDuring(async () => {
      for (const each of [orm, other]) {
        const found = await each.em.fork().findOneOrFail(Author, id);
        expect(found).toMatchObject({ id, name: 'Ada', version: 1 });
        expect(await each.em.fork().find(Author, { id: { $in: [id] } })).toHaveLength(1);
      }
    });
    expect(statements).toEqual([]);
  });

  test('that was changed is not seen as it was, in any process', async () => {
    const { id } = await written('Grace');
    await other.em.fork().findOneOrFail(Author, id);
    const em = orm.em.fork();
    (await em.findOneOrFail(Author, id)).name = 'Grace H.';
    await em.flush();
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'Grace H.', version: 2 });
    expect(await readsDuring(() => orm.em.fork().findOneOrFail(Author, id))).toEqual([]);
  });

  test('of which some are cached is read by SQL for the others only', async () => {
    const ids = [(await written('a')).id, (await written('b')).id, (await written('c')).id];
    await orm.em.fork().find(Author, { id: { $in: ids.slice(0, 2) } });
    const statements = await readsDuring(async () => {
      expect(await other.em.fork().find(Author, { id: { $in: ids } })).toHaveLength(3);
    });
    expect(statements).toHaveLength(1);
    expect(statements[0]).toContain(ids[2]);
    expect(statements[0]).not.toContain(ids[0]);
  });

  test('an entity that was read from a copy is clean, and can be changed', async () => {
    const { id } = await written('Linus');
    await orm.em.fork().findOneOrFail(Author, id);
    const em = other.em.fork();
    const author = await em.findOneOrFail(Author, id);
    expect(await readsDuring(() => em.flush())).toEqual([]);
    author.name = 'Linus T.';
    await em.flush();
    expect(await orm.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'Linus T.' });
  });

  test('that is not there is looked for each time, without waiting for anybody', async () => {
    const id = '018f3f0e-0000-7000-8000-000000000000';
    const statements = await readsDuring(async () => {
      expect(await orm.em.fork().findOne(Author, id)).toBeNull();
      expect(await orm.em.fork().findOne(Author, id)).toBeNull();
    });
    expect(statements).toHaveLength(2);
    const em = other.em.fork();
    em.create(Author, { id, name: 'late' });
    await em.flush();
    expect(await orm.em.fork().findOne(Author, id)).toMatchObject({ name: 'late' });
  });

  test('is read by SQL inside a transaction, with refresh, and by any other condition', async () => {
    const { id } = await written('Barbara');
    await orm.em.fork().findOneOrFail(Author, id);
    expect(await readsDuring(() => orm.em.fork().findOneOrFail(Author, id, { refresh: true }))).toHaveLength(1);
    expect(await readsDuring(() => orm.em.fork().findOneOrFail(Author, { name: 'Barbara' }))).toHaveLength(1);
    expect(await readsDuring(() => orm.em.fork().transactional((em) => em.findOneOrFail(Author, id)))).toHaveLength(1);
  });

  test('H4: a copy that is filled while its row is written does not outlive the commit', async () => {
    const { id } = await written('v1');
    const em = orm.em.fork();
    await em.begin();
    (await em.findOneOrFail(Author, id)).name = 'v2';
    await em.flush();
    // The refill before COMMIT: what is read now is v1, and must not be kept.
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'v1' });
    await em.commit();
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'v2' });
    expect(await readsDuring(() => other.em.fork().findOneOrFail(Author, id))).toEqual([]);
  });

  test('R6: that a transaction writes is blocked until its end is known, though nobody tells its end', async () => {
    const { id } = await written('v1');
    await other.em.fork().findOneOrFail(Author, id);
    const kysely = orm.em.fork().getKysely();
    await kysely.transaction().execute(async (ctx) => {
      await orm.driver.nativeUpdate(Author, { id }, { name: 'v2' }, { ctx });
      for (let looks = 0; looks < 2; looks += 1)
        expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'v1' });
    });
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'v2' });
  });

  test('H4: a transaction that is rolled back leaves the cache usable', async () => {
    const { id } = await written('kept');
    const em = orm.em.fork();
    await em.begin();
    (await em.findOneOrFail(Author, id)).name = 'undone';
    await em.flush();
    await em.rollback();
    await other.em.fork().findOneOrFail(Author, id);
    expect(
      await readsDuring(async () => {
        expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'kept' });
      }),
    ).toEqual([]);
  });
});

describe('what is written past the key leaves no old copy:', () => {
  test.each<[string, (id: string) => Promise<unknown>]>([
    ['nativeUpdate by key', (id) => orm.em.fork().nativeUpdate(Author, { id }, { name: 'new' })],
    ['nativeUpdate by criteria', () => orm.em.fork().nativeUpdate(Author, { name: 'old' }, { name: 'new' })],
    ['upsert', (id) => orm.em.fork().upsert(Author, { id, name: 'new' })],
    ['upsertMany', (id) => orm.em.fork().upsertMany(Author, [{ id, name: 'new' }])],
    [
      'nativeUpdate in a transaction of the application',
      (id) => orm.em.fork().transactional((em) => em.nativeUpdate(Author, { id }, { name: 'new' })),
    ],
    [
      'nativeUpdate in a transaction that the ORM has not begun',
      (id) =>
        orm.em
          .fork()
          .getKysely()
          .transaction()
          .execute(async (ctx) => {
            await orm.driver.nativeUpdate(Author, { id }, { name: 'new' }, { ctx });
          }),
    ],
  ])('%s', async (_, write) => {
    const { id } = await written('old');
    await other.em.fork().findOneOrFail(Author, id);
    await write(id);
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'new' });
    expect(await other.em.fork().findOneOrFail(Author, id)).toMatchObject({ name: 'new' });
    expect(await readsDuring(() => other.em.fork().findOneOrFail(Author, id))).toEqual([]);
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['nativeDelete by key', (id) => orm.em.fork().nativeDelete(Author, { id })],
    ['nativeDelete by criteria', () => orm.em.fork().nativeDelete(Author, { name: 'gone' })],
    [
      'remove',
      async (id) => {
        const em = orm.em.fork();
        await em.remove(await em.findOneOrFail(Author, id)).flush();
      },
    ],
  ])('%s', async (_, write) => {
    const { id } = await written('gone');
    await other.em.fork().findOneOrFail(Author, id);
    await write(id);
    expect(await other.em.fork().findOne(Author, id)).toBeNull();
  });

  test('a row that the database deletes with the one that it refers to', async () => {
    const { id } = await written('with books');
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'Notes', author: id as never });
    await em.flush();
    await Spillway.of(orm).drain();
    await other.em.fork().findOneOrFail(Book, book.id);
    await orm.em.fork().nativeDelete(Author, { id });
    expect(await other.em.fork().findOne(Book, book.id)).toBeNull();
  });
});

describe('a write-behind entity', () => {
  test('is read from its copy until it is changed, then with what is pending, then from a new copy', async () => {
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'First' });
    await em.flush();
    await Spillway.of(orm).drain();
    await other.em.fork().findOneOrFail(Book, book.id);
    expect(await readsDuring(() => orm.em.fork().findOneOrFail(Book, book.id))).toEqual([]);

    book.title = 'Second';
    book.loans += 2;
    await em.flush();
    expect(await other.em.fork().findOneOrFail(Book, book.id)).toMatchObject({ title: 'Second', loans: 2 });
    await Spillway.of(orm).drain();
    expect(await other.em.fork().findOneOrFail(Book, book.id)).toMatchObject({ title: 'Second', loans: 2 });
    const statements = await readsDuring(async () => {
      const found = await orm.em.fork().findOneOrFail(Book, book.id);
      expect(found).toMatchObject({ title: 'Second', loans: 2, version: 2 });
    });
    expect(statements).toEqual([]);
  });

  test('is changed in a transaction, by SQL, without leaving an old copy', async () => {
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'Draft' });
    await em.flush();
    await Spillway.of(orm).drain();
    await other.em.fork().findOneOrFail(Book, book.id);
    await orm.em.fork().transactional(async (inner) => {
      (await inner.findOneOrFail(Book, book.id)).title = 'Final';
    });
    expect(await other.em.fork().findOneOrFail(Book, book.id)).toMatchObject({ title: 'Final', version: 2 });
  });

  test('that was deleted is not found again', async () => {
    const em = orm.em.fork();
    const book = em.create(Book, { title: 'Lost' });
    await em.flush();
    await Spillway.of(orm).drain();
    await other.em.fork().findOneOrFail(Book, book.id);
    await em.remove(book).flush();
    expect(await other.em.fork().findOne(Book, book.id)).toBeNull();
    await Spillway.of(orm).drain();
    expect(await other.em.fork().findOne(Book, book.id)).toBeNull();
  });
});

test('of several who miss a row at once, in two processes, one reads it', async () => {
  const { id } = await written('popular');
  const statements = await readsDuring(async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? orm : other).em.fork().findOneOrFail(Author, id)),
    );
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set(['popular']));
  });
  expect(statements).toHaveLength(1);
});
