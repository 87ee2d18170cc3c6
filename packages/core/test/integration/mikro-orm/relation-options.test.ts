import { defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Shelf = defineEntity({
  name: 'Shelf',
  properties: {
    id: p.integer().primary(),
    code: p.string().unique(),
    books: () => p.oneToMany(Book).mappedBy('shelf').orderBy({ title: 'desc' }),
    filtered: () => p.oneToMany(Book).mappedBy('shelf').filters({ thin: true }),
    thick: () =>
      p
        .oneToMany(Book)
        .mappedBy('shelf')
        .where({ pages: { $gt: 100 } }),
  },
});
const Book = defineEntity({
  name: 'Book',
  filters: { thin: { name: 'thin', cond: { pages: { $lt: 100 } }, default: false } },
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    pages: p.integer().default(0),
    shelf: () => p.manyToOne(Shelf).ref().nullable().inversedBy('books').eager().strategy('select-in'),
    // A column, a constraint and a moment of checking of its own.
    twin: () =>
      p.oneToOne(Book).owner().nullable().joinColumn('sister_id').foreignKeyName('book_sister').deferMode('deferred'),
    version: p.integer().version(),
  },
});
/** Refers to a unique value, not to the key. */
const Label = defineEntity({
  name: 'Label',
  properties: {
    id: p.integer().primary(),
    shelf: () => p.manyToOne(Shelf).targetKey('code').nullable(),
    version: p.integer().version(),
  },
});
const Chapter = defineEntity({
  name: 'Chapter',
  properties: {
    id: p.integer().primary(),
    book: () =>
      p.manyToOne(Book).deleteRule('cascade').updateRule('cascade').referenceColumnName('id').fieldName('of_book'),
    text: p.string(),
  },
});
const Mark = defineEntity({
  name: 'Mark',
  properties: {
    id: p.integer().primary(),
    book: () => p.manyToOne(Book).nullable().deleteRule('set null'),
    note: p.string().nullable(),
    version: p.integer().version(),
  },
});
/** May refer to what is not there. */
const Wish = defineEntity({
  name: 'Wish',
  properties: {
    id: p.integer().primary(),
    book: () => p.manyToOne(Book).createForeignKeyConstraint(false),
    version: p.integer().version(),
  },
});
const Reader = defineEntity({ name: 'Reader', properties: { id: p.integer().primary(), name: p.string() } });
const Club = defineEntity({
  name: 'Club',
  properties: {
    id: p.integer().primary(),
    members: () =>
      p
        .manyToMany(Reader)
        .owner()
        .pivotTable('club_reader')
        .joinColumns('club')
        .inverseJoinColumns('reader')
        .fixedOrder()
        .fixedOrderColumn('place'),
    annes: {
      kind: 'm:n',
      entity: () => Reader,
      owner: true,
      pivotTable: 'club_anne',
      joinColumn: 'club',
      inverseJoinColumn: 'anne',
      where: { name: 'Anne' },
      orderBy: { id: 'desc' },
    } as never,
  },
});
for (const schema of [Reader, Club, Shelf, Book, Label, Chapter, Mark, Wish]) WriteBehind()(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Reader, Club, Shelf, Book, Label, Chapter, Mark, Wish]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending).toSorted();
}

const create = (em: EntityManager, entity: unknown, values: object): object =>
  em.create(entity as never, values as never);
const find = (em: EntityManager, entity: unknown, id: number): Promise<object> => em.findOneOrFail(entity as never, id);

/** A shelf with two books, of which one has a chapter and a mark; everything in PostgreSQL. */
async function filled(base: number): Promise<void> {
  await Spillway.of(both.behind).drain();
  await both.same(async (em) => {
    const shelf = create(em, Shelf, { id: base, code: `S${base}` });
    const thin = create(em, Book, { id: base, title: 'Thin', pages: 9, shelf });
    create(em, Book, { id: base + 1, title: 'Thick', pages: 900, shelf, twin: thin });
    create(em, Chapter, { id: base, book: thin, text: 'one' });
    create(em, Mark, { id: base, book: thin });
    create(em, Label, { id: base, shelf });
    await em.flush();
  });
  expect(await pending()).toEqual(['Book', 'Chapter', 'Label', 'Mark', 'Shelf']);
  expect(await both.differences()).toEqual([]);
}

describe('a to-one relation', () => {
  test('with a column, a constraint name and a deferred check of its own is staged, and read eagerly', async () => {
    await filled(10);
    await both.same(async (em) => {
      const [thin, thick] = [await find(em, Book, 10), await find(em, Book, 11)];
      Object.assign(thick, { twin: null });
      await em.flush();
      Object.assign(thin, { twin: thick });
      await em.flush();
    });
    expect(await pending()).toEqual(['Book']);
    await both.same((em) => find(em, Book, 10));
    await both.same((em) => em.find(Book as never, { id: { $in: [10, 11] } }, { orderBy: { id: 1 } as never }));
    expect(await both.differences()).toEqual([]);
  });

  test('to a unique value that is no key is staged', async () => {
    await filled(20);
    await both.same(async (em) => {
      create(em, Label, { id: 21, shelf: create(em, Shelf, { id: 21, code: 'S21' }) });
      await em.flush();
      em.clear();
      const other = await find(em, Shelf, 21);
      // What MikroORM has not loaded by its unique value, it would insert; and of several such updates at once it makes
      // none.
      const label = await em.findOneOrFail(Label as never, 20, { populate: ['shelf'] as never });
      Object.assign(label, { shelf: other });
      await em.flush();
    });
    expect(await pending()).toEqual(['Label']);
    for (const id of [20, 21]) await both.same((em) => find(em, Label, id));
    await both.same((em) => em.findOne(Label as never, { id: 20 }, { populate: ['shelf'] as never }));
    expect(await both.differences()).toEqual([]);
    for (const id of [20, 21]) await both.same((em) => find(em, Label, id));
  });

  test('without a constraint may refer to a row that is not there', async () => {
    await Spillway.of(both.behind).drain();
    await both.same(async (em) => {
      create(em, Wish, { id: 1, book: em.getReference(Book as never, 4711 as never) });
      await em.flush();
    });
    expect(await pending()).toEqual(['Wish']);
    expect(await both.differences()).toEqual([]);
    await both.same((em) => find(em, Wish, 1));
  });
});

describe('rules of a foreign key', () => {
  test('a row is deleted with the row that it refers to, and a reference becomes null, as PostgreSQL does', async () => {
    await filled(30);
    await both.same(async (em) => {
      em.remove(await find(em, Book, 31));
      em.remove(await find(em, Book, 30));
      await em.flush();
    });
    expect(await pending()).not.toContain('Book');
    await both.same((em) => em.findOne(Chapter as never, 30));
    await both.same((em) => find(em, Mark, 30));
    expect(await both.differences()).toEqual([]);
  });

  test('of a pending change of the row that goes with its parent, the parent decides', async () => {
    await filled(40);
    await both.same(async (em) => {
      Object.assign(await find(em, Chapter, 40), { text: 'two' });
      await em.flush();
      em.clear();
      em.remove(await find(em, Book, 41));
      em.remove(await find(em, Book, 40));
      await em.flush();
    });
    expect(await both.differences()).toEqual([]);
    await both.same((em) => em.findOne(Chapter as never, 40));
  });
});

describe('a to-many relation', () => {
  test('in an order, and under a condition, is populated with what is staged', async () => {
    await filled(50);
    await both.same(async (em) => {
      create(em, Book, { id: 52, title: 'Middle', pages: 300, shelf: em.getReference(Shelf as never, 50 as never) });
      await em.flush();
    });
    await both.same(async (em) => {
      const shelf = await em.findOneOrFail(Shelf as never, 50, { populate: ['books', 'thick', 'filtered'] as never });
      const items = (name: string): string[] =>
        (Reflect.get(shelf, name) as { getItems(): { title: string }[] }).getItems().map(({ title }) => title);
      return {
        books: items('books'),
        filtered: items('filtered'),
        thick: items('thick').toSorted((a, b) => a.localeCompare(b)),
      };
    });
    expect(await both.differences()).toEqual([]);
  });
});

describe('a many-to-many relation', () => {
  test('with a pivot table and columns of its own, in a fixed order, under a condition', async () => {
    await both.same(async (em) => {
      for (const id of [1, 2, 3]) create(em, Reader, { id, name: id === 2 ? 'Bob' : 'Anne' });
      await em.flush();
    });
    expect(await pending()).toContain('Reader');
    await both.same(async (em) => {
      create(em, Club, { id: 1, members: [3, 1, 2], annes: [1, 3] });
      await em.flush();
    });
    await both.same(async (em) => {
      Object.assign(await find(em, Reader, 2), { name: 'Anne' });
      await em.flush();
    });
    await both.same(async (em) => {
      const club = await em.findOneOrFail(Club as never, 1, { populate: ['members', 'annes'] as never });
      return ['members', 'annes'].map((name) =>
        (Reflect.get(club, name) as { getItems(): { id: number; name: string }[] }).getItems(),
      );
    });
    await both.same((em) => em.find(Club as never, { members: { name: 'Anne' } }));
    const pivot = 'select club, reader, place from club_reader order by place';
    expect(await both.behind.em.execute(pivot)).toEqual(await both.plain.em.execute(pivot));
    expect(await both.differences()).toEqual([]);
  });
});
