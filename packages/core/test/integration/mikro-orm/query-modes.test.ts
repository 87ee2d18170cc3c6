import { defineEntity, MikroORM, p, raw } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const Shelf = defineEntity({
  name: 'Shelf',
  properties: {
    id: p.integer().primary(),
    label: p.string(),
    version: p.integer().version(),
    books: () => p.oneToMany(Book).mappedBy('shelf'),
  },
});
const Book = defineEntity({
  name: 'Book',
  properties: {
    id: p.integer().primary(),
    tenant: p.integer(),
    title: p.string(),
    pages: p.integer(),
    views: p.integer().default(0),
    note: p.text().nullable().lazy(),
    shelf: () => p.manyToOne(Shelf).nullable(),
    version: p.integer().version(),
  },
  filters: {
    tenant: { name: 'tenant', cond: (args: { tenant?: number }) => ({ tenant: args.tenant }), default: false },
  },
});
/** Without a version, nothing but the ledger and the order of reading tells what is in a row. */
const Tag = defineEntity({
  name: 'Tag',
  properties: { id: p.integer().primary(), name: p.string(), uses: p.integer() },
});
WriteBehind({ counters: ['views'] })(Book.class as never);
WriteBehind()(Shelf.class as never);
WriteBehind({ queries: 'overlay' })(Tag.class as never);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Shelf, Book, Tag],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

// Spread into each call: MikroORM 7.1.9 writes into the options that it is given.
const OVERLAY = { spillway: 'overlay' } as const;
const service = (): Spillway => Spillway.of(orm);
const em = (): MikroORM['em'] => orm.em.fork();

/** Keys of this test's own: Spillway remembers what it has written of a row. */
let base = 0;

/** Book 1 to 3 of tenant 1 on shelf 1, written. */
beforeEach(async () => {
  await service().drain();
  await em().execute('delete from book');
  await em().execute('delete from shelf');
  await em().execute('delete from tag');
  base += 10;
  await em().execute(`insert into shelf (id, label, version) values (${base + 1}, 'first', 1)`);
  await em().execute(
    `insert into book (id, tenant, title, pages, views, note, shelf_id, version) select ${base} + n, 1, 'book ' || n, n * 100, 0, 'note ' || n, ${base} + 1, 1 from generate_series(1, 3) n`,
  );
  await em().execute(
    `insert into tag (id, name, uses) select ${base} + n, 'tag ' || n, n from generate_series(1, 3) n`,
  );
});

async function change(
  id: number,
  values: Partial<{ tenant: number; title: string; pages: number; views: number }>,
): Promise<void> {
  const fork = em();
  fork.assign(await fork.findOneOrFail(Book, base + id), values);
  await fork.flush();
}

async function forced(): Promise<number> {
  const { forcedDrains } = await service().status();
  return Object.values(forcedDrains).reduce((sum, count) => sum + count, 0);
}

async function pendingRows(): Promise<number> {
  const { pending } = await service().status();
  return Object.values(pending).reduce((sum, count) => sum + count, 0);
}

describe("queries with spillway: 'overlay'", () => {
  test('show pending changes of the rows that PostgreSQL finds, and write nothing', async () => {
    await change(1, { title: 'staged' });
    const before = await forced();
    const books = await em().find(Book, { pages: { $gt: 50 } }, { ...OVERLAY, orderBy: { id: 1 } });
    expect(books.map(({ title, version }) => [title, version])).toEqual([
      ['staged', 2],
      ['book 2', 1],
      ['book 3', 1],
    ]);
    expect(await pendingRows()).toBe(1);
    expect(await forced()).toBe(before);
  });

  test('read entities that can be changed, with nothing dirty', async () => {
    await change(1, { title: 'staged' });
    const fork = em();
    const [book] = await fork.find(Book, { pages: 100 }, { ...OVERLAY });
    fork.getUnitOfWork().computeChangeSets();
    expect(fork.getUnitOfWork().getChangeSets()).toEqual([]);
    if (book) book.pages = 101;
    await fork.flush();
    await service().drain();
    expect(await em().execute(`select title, pages, version from book where id = ${base + 1}`)).toEqual([
      { title: 'staged', pages: 101, version: 3 },
    ]);
  });

  test('leave rows out that are about to be deleted, and find no new ones', async () => {
    const fork = em();
    fork.remove(await fork.findOneOrFail(Book, base + 2));
    fork.create(Book, { id: base + 4, tenant: 1, title: 'new', pages: 400 });
    await fork.flush();
    const books = await em().find(Book, { pages: { $gt: 50 } }, { ...OVERLAY, orderBy: { id: 1 } });
    expect(books.map(({ id }) => id - base)).toEqual([1, 3]);
    expect(await pendingRows()).toBe(2);
  });

  test('add pending differences of counters, once', async () => {
    await service().increment(Book, base + 1, { views: 5 });
    const views = async (): Promise<unknown> => {
      const [book] = await em().find(Book, { title: 'book 1' }, { ...OVERLAY });
      return book?.views;
    };
    expect(await views()).toBe(5);
    await service().drain();
    expect(await views()).toBe(5);
    await service().increment(Book, base + 1, { views: 2 });
    expect(await views()).toBe(7);
  });

  test('never show a row that a pending change moves to another tenant', async () => {
    await change(1, { tenant: 2, title: 'secret of tenant 2' });
    const of = async (tenant: number): Promise<string[]> => {
      const books = await em().find(Book, {}, { ...OVERLAY, filters: { tenant: { tenant } }, orderBy: { id: 1 } });
      return books.map(({ title }) => title);
    };
    expect(await of(1)).toEqual(['book 2', 'book 3']);
    expect(await of(2)).toEqual(['secret of tenant 2']);
  });

  test('never show such a row while PostgreSQL does not take the change either', async () => {
    await change(1, { tenant: 2, title: 'secret of tenant 2' });
    const locker = em();
    await locker.begin();
    await locker.execute(`select from book where id = ${base + 1} for update`);
    try {
      const books = await em().find(Book, { tenant: 1 }, { ...OVERLAY, orderBy: { id: 1 } });
      expect(books.map(({ title }) => title)).toEqual(['book 2', 'book 3']);
    } finally {
      await locker.rollback();
    }
  });

  test('answer a row whose condition a pending change touches as it will be', async () => {
    await change(1, { pages: 150 });
    expect(await em().find(Book, { pages: { $lt: 120 } }, { ...OVERLAY })).toEqual([]);
    expect((await em().find(Book, { pages: 150 }, { ...OVERLAY })).map(({ pages }) => pages)).toEqual([150]);
  });

  test('give fields and lazy properties as they were asked for', async () => {
    await change(1, { title: 'staged' });
    const [some] = await em().find(Book, { pages: 100 }, { ...OVERLAY, fields: ['title'] });
    expect(JSON.parse(JSON.stringify(some))).toEqual({ id: base + 1, title: 'staged' });
    const [most] = await em().find(Book, { pages: 100 }, { ...OVERLAY, exclude: ['title', 'version'] });
    expect(JSON.parse(JSON.stringify(most))).toEqual({
      id: base + 1,
      tenant: 1,
      pages: 100,
      views: 0,
      shelf: base + 1,
    });
    const [lazy] = await em().find(Book, { pages: 100 }, { ...OVERLAY, populate: ['note'] });
    expect(lazy).toMatchObject({ title: 'staged', note: 'note 1' });
  });

  test('populate relations the same way, in both directions', async () => {
    const fork = em();
    const shelf = await fork.findOneOrFail(Shelf, base + 1);
    shelf.label = 'staged shelf';
    await fork.flush();
    await change(2, { title: 'staged book' });
    const before = await forced();
    const [book] = await em().find(Book, { pages: 100 }, { ...OVERLAY, populate: ['shelf'] });
    expect(book?.shelf?.label).toBe('staged shelf');
    const found = await em().findOne(
      Shelf,
      { version: { $gt: 0 } },
      { ...OVERLAY, populate: ['books'], orderBy: { books: { id: 1 } } },
    );
    expect(found?.books.getItems().map(({ title }) => title)).toEqual(['book 1', 'staged book', 'book 3']);
    expect(await forced()).toBe(before);
    const fork2 = em();
    const late = await fork2.findOneOrFail(Book, { pages: 200 }, { ...OVERLAY });
    await fork2.populate(late, ['shelf'], { ...OVERLAY });
    expect(late.shelf?.label).toBe('staged shelf');
  });

  test('hold for every way of asking, and count what PostgreSQL has', async () => {
    await change(1, { title: 'staged' });
    const before = await forced();
    const where = { pages: 100 };
    expect((await em().findOne(Book, where, { ...OVERLAY }))?.title).toBe('staged');
    expect((await em().findOneOrFail(Book, where, { ...OVERLAY })).title).toBe('staged');
    expect((await em().findAll(Book, { where, ...OVERLAY }))[0]?.title).toBe('staged');
    const [[book], count] = await em().findAndCount(Book, where, { ...OVERLAY });
    expect([book?.title, count]).toEqual(['staged', 1]);
    const page = await em().findByCursor(Book, { where: {}, first: 2, orderBy: { id: 'asc' }, ...OVERLAY });
    expect([page.items.map(({ title }) => title), page.totalCount]).toEqual([['staged', 'book 2'], 3]);
    expect(await em().count(Book, { title: 'staged' }, { ...OVERLAY })).toBe(0);
    const streamed: string[] = [];
    for await (const { title } of em().stream(Book, { where: {}, orderBy: { id: 1 }, ...OVERLAY }))
      streamed.push(title);
    expect(streamed).toEqual(['staged', 'book 2', 'book 3']);
    expect(await forced()).toBe(before);
    expect(await pendingRows()).toBe(1);
  });

  test('wait in a transaction, and where the condition is SQL', async () => {
    await change(1, { title: 'in SQL' });
    const [found] = await em().find(Book, { [raw('lower(title)')]: 'in sql' }, { ...OVERLAY });
    expect(found?.title).toBe('in SQL');
    expect(await pendingRows()).toBe(0);
    await change(1, { title: 'staged' });
    const titles = await em().transactional(async (inner) =>
      (await inner.find(Book, { pages: 100 }, { ...OVERLAY })).map(({ title }) => title),
    );
    expect(titles).toEqual(['staged']);
    expect(await pendingRows()).toBe(0);
  });
});

describe("the policy queries: 'overlay'", () => {
  test('holds for the type, and a version is not needed', async () => {
    const fork = em();
    const tag = await fork.findOneOrFail(Tag, base + 1);
    tag.name = 'staged';
    await fork.flush();
    const names = async (): Promise<string[]> =>
      (await em().find(Tag, { uses: { $gt: 0 } }, { orderBy: { id: 1 } })).map(({ name }) => name);
    expect(await names()).toEqual(['staged', 'tag 2', 'tag 3']);
    expect(await pendingRows()).toBe(1);
    expect((await em().find(Tag, { uses: 1 }, { spillway: 'database' }))[0]?.name).toBe('tag 1');
    expect((await em().find(Tag, { uses: 1 }, { spillway: 'drain' }))[0]?.name).toBe('staged');
    expect(await pendingRows()).toBe(0);
    expect(await names()).toEqual(['staged', 'tag 2', 'tag 3']);
  });
});

describe("queries with spillway: 'database'", () => {
  test('see PostgreSQL as it is, look-ups by key included', async () => {
    await change(1, { title: 'staged' });
    const DATABASE = { spillway: 'database' } as const;
    expect((await em().find(Book, { pages: 100 }, DATABASE))[0]?.title).toBe('book 1');
    expect((await em().findOne(Book, base + 1, DATABASE))?.title).toBe('book 1');
    expect(await em().count(Book, { title: 'staged' }, DATABASE)).toBe(0);
    expect((await em().findOne(Book, base + 1))?.title).toBe('staged');
    expect(await pendingRows()).toBe(1);
  });
});

test('a mode that there is not is refused with the choices', async () => {
  const wrong = { spillway: 'overlaid' } as object;
  const message =
    "The option spillway of a query is 'overlaid'; it must be 'drain', 'overlay' or 'database' [CONFIG_INVALID]";
  await expect(em().find(Book, {}, wrong)).rejects.toThrow(message);
  await expect(em().findOne(Book, 1, wrong)).rejects.toThrow(message);
  await expect(em().findAndCount(Book, {}, wrong)).rejects.toThrow(message);
  await expect(em().count(Book, {}, wrong)).rejects.toThrow(message);
  await expect(em().countBy(Book, 'tenant', wrong)).rejects.toThrow(message);
  await expect(em().stream(Book, wrong).next()).rejects.toThrow(message);
});
