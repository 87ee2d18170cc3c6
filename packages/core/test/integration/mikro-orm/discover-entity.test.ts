import { defineEntity, MikroORM, p, type EntityName } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind, WriteThrough } from '../../../src/index.js';

/** Entities that an ORM comes to know later, by `orm.discoverEntity()`. */

const family = () => {
  const Author = defineEntity({
    name: 'Author',
    properties: { id: p.integer().primary(), name: p.string(), version: p.integer().version() },
  });
  const Book = defineEntity({
    name: 'Book',
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      views: p.integer().default(0),
      author: () => p.manyToOne(Author).nullable(),
      version: p.integer().version(),
    },
  });
  const Titles = defineEntity({
    name: 'Titles',
    view: true,
    expression: 'select b.id, b.title, a.name from book b left join author a on a.id = b.author_id',
    properties: { id: p.integer().primary(), title: p.string(), name: p.string().nullable() },
  });
  return { Author, Book, Titles };
};

let db: Database;
let namespace: string;
let orms: MikroORM[] = [];

beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
});

afterEach(async () => {
  for (const orm of orms) await orm.close();
  orms = [];
  await db.drop();
});

async function open(entities: readonly EntityName[], worker: boolean = false): Promise<MikroORM> {
  const orm = await MikroORM.init({
    entities: [...entities],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace, worker: worker ? {} : false, tables: { ensure: true } }),
    ],
  });
  orms.push(orm);
  return orm;
}

async function pending(orm: MikroORM): Promise<Readonly<Record<string, number>>> {
  return (await Spillway.of(orm).status()).pending;
}

describe('an entity that is discovered later', () => {
  test.each(['before anything is opened', 'while something is pending'] as const)(
    'is staged and read, %s',
    async (when) => {
      const { Author, Book, Titles } = family();
      WriteBehind()(Author.class as never);
      WriteBehind({ counters: ['views'] })(Book.class as never);
      const orm = await open([Author]);
      await orm.schema.create();
      const em = orm.em.fork();
      if (when === 'while something is pending') {
        em.create(Author, { id: 1, name: 'first' });
        await em.flush();
      }
      orm.discoverEntity([Book, Titles]);
      await orm.schema.update();

      const author =
        when === 'while something is pending'
          ? em.getReference(Author, 1)
          : em.create(Author, { id: 1, name: 'first' });
      em.create(Book, { id: 1, title: 'staged', author });
      await em.flush();
      expect(await pending(orm)).toEqual({ Author: 1, Book: 1 });
      expect(await em.execute('select * from book')).toEqual([]);

      const found = await orm.em.fork().findOneOrFail(Book, 1);
      expect(found.title).toBe('staged');
      expect(await pending(orm)).toEqual({ Author: 1, Book: 1 });
      await Spillway.of(orm).increment(Book, 1, { views: 5 });
      expect(await orm.em.fork().find(Titles, { title: 'staged' })).toMatchObject([{ id: 1, name: 'first' }]);
      expect(await em.execute('select title, views from book')).toEqual([{ title: 'staged', views: 5 }]);
      expect(await pending(orm)).toEqual({});
    },
  );

  test('sees what another process has staged, and writes it', async () => {
    const { Author, Book } = family();
    WriteBehind()(Author.class as never);
    WriteBehind()(Book.class as never);
    const [late, early] = [await open([Author], true), await open([Author, Book])];
    await early.schema.create();
    await late.em.fork().count(Author);
    const em = early.em.fork();
    const book = em.create(Book, { id: 7, title: 'of another process' });
    await em.flush();

    late.discoverEntity(Book);
    expect(await late.em.fork().count(Book, { title: 'of another process' })).toBe(1);
    book.title = 'changed';
    await em.flush();
    expect(await late.em.fork().findOne(Book, 7)).toMatchObject({ title: 'changed' });
    await Spillway.of(late).start();
    await Spillway.of(early).written(book);
    expect(await em.execute('select title from book')).toEqual([{ title: 'changed' }]);
  });

  test('is refused where it cannot be written behind, and is not known then', async () => {
    const { Author, Titles } = family();
    WriteBehind()(Author.class as never);
    WriteBehind()(Titles.class as never);
    const orm = await open([Author]);
    expect(() => orm.discoverEntity(Titles)).toThrow('Titles cannot be written behind: it is a view');
    await expect(orm.em.fork().find(Titles, {})).rejects.toBeInstanceOf(TypeError);
    expect(orm.getMetadata().find(Titles.class)).toBeUndefined();
    await orm.schema.create();
    const em = orm.em.fork();
    em.create(Author, { id: 1, name: 'goes on' });
    await em.flush();
    expect(await pending(orm)).toEqual({ Author: 1 });
  });

  test('is refused at its first use where its table cannot be written by its keys', async () => {
    const { Author, Book } = family();
    WriteBehind()(Author.class as never);
    WriteBehind()(Book.class as never);
    const orm = await open([Author]);
    await orm.schema.create();
    await orm.em.fork().count(Author);
    await orm.em.fork().execute(`create table book (id int not null, title text not null, views int not null default 0,
      author_id int, version int not null default 1)`);
    orm.discoverEntity(Book);
    const em = orm.em.fork();
    em.create(Book, { id: 1, title: 'without a key' });
    await expect(em.flush()).rejects.toMatchObject({ code: 'ENTITY_UNSUPPORTED' });
  });

  test('that is written through waits for what others stage of it', async () => {
    const [behind, through] = [family(), family()];
    WriteBehind()(behind.Author.class as never);
    WriteBehind()(behind.Book.class as never);
    WriteBehind()(through.Author.class as never);
    WriteThrough()(through.Book.class);
    const [late, early] = [await open([through.Author]), await open([behind.Author, behind.Book])];
    await early.schema.create();
    await late.em.fork().count(through.Author);
    const em = early.em.fork();
    em.create(behind.Book, { id: 3, title: 'staged' });
    await em.flush();

    late.discoverEntity(through.Book);
    expect(await late.em.fork().find(through.Book, { title: 'staged' })).toHaveLength(1);
  });

  test('again, with another shape, is written in that one', async () => {
    const { Author } = family();
    WriteBehind()(Author.class as never);
    const orm = await open([Author]);
    await orm.schema.create();
    let em = orm.em.fork();
    em.create(Author, { id: 1, name: 'first' });
    await em.flush();

    const Other = defineEntity({
      name: 'Author',
      properties: {
        id: p.integer().primary(),
        name: p.string(),
        born: p.integer().nullable(),
        version: p.integer().version(),
      },
    });
    WriteBehind()(Other.class as never);
    orm.discoverEntity(Other, Author.class as never);
    await orm.schema.update();
    em = orm.em.fork();
    const author = await em.findOneOrFail(Other, 1);
    author.born = 1900;
    await em.flush();
    expect(await pending(orm)).toEqual({ Author: 1 });
    await Spillway.of(orm).drain();
    expect(await em.execute('select name, born from author')).toEqual([{ name: 'first', born: 1900 }]);
  });
});
