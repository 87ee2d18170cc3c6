/* oxlint-disable vitest/expect-expect -- same() and sees() expect */
import { defineEntity, LockMode, p, raw, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

/** Every read of the table, against a plain twin: whatever is pending, both answer the same. */

const Author = defineEntity({
  name: 'Author',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    born: p.integer().default(1900),
    books: () => p.oneToMany(Book).mappedBy('author').orderBy({ id: 'asc' }),
    profile: () => p.oneToOne(Profile).mappedBy('author').nullable(),
    version: p.integer().version(),
  },
});
const Profile = defineEntity({
  name: 'Profile',
  properties: {
    id: p.integer().primary(),
    bio: p.string(),
    author: () => p.oneToOne(Author).inversedBy('profile').owner(),
  },
});
const Book = defineEntity({
  name: 'Book',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    price: p.integer(),
    tenant: p.integer(),
    author: () => p.manyToOne(Author),
    label: p.string().formula((columns) => `upper(${String(columns.title)})`),
    tags: () => p.manyToMany(Tag),
    version: p.integer().version(),
  },
  filters: { tenant: { name: 'tenant', cond: { tenant: 1 }, default: true } },
});
const Tag = defineEntity({
  name: 'Tag',
  properties: {
    id: p.integer().primary(),
    word: p.string(),
    books: () => p.manyToMany(Book).mappedBy('tags').orderBy({ id: 'asc' }),
  },
});
/** Plain. */
const Review = defineEntity({
  name: 'Review',
  properties: { id: p.integer().primary(), stars: p.integer(), book: () => p.manyToOne(Book) },
});
/** Nobody can see from its definition what it reads. */
const Shelf = defineEntity({
  name: 'Shelf',
  expression: 'select author_id as author, count(*)::int as books from book group by author_id',
  properties: { author: p.integer(), books: p.integer() },
});
const Animal = defineEntity({
  name: 'Animal',
  abstract: true,
  discriminatorColumn: 'kind',
  properties: { id: p.integer().primary(), kind: p.enum(['dog', 'cat']), name: p.string() },
});
const Dog = defineEntity({ name: 'Dog', extends: Animal, discriminatorValue: 'dog', properties: {} });
const Cat = defineEntity({ name: 'Cat', extends: Animal, discriminatorValue: 'cat', properties: {} });
for (const schema of [Author, Profile, Book, Tag, Animal]) WriteBehind()(schema.class as never);

let both: Twins;
/** Keys of this test's own. */
let base = 0;

beforeAll(async () => {
  both = await twins([Author, Profile, Book, Tag, Review, Shelf, Animal, Dog, Cat] as never);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/**
 * Runs a step on both and expects the same answer, as JSON shows it. What counts as changed afterwards is not compared:
 * MikroORM takes a one-to-one reference for changed in the first of two ORMs that share their entities.
 */
async function same(step: (em: EntityManager) => unknown): Promise<void> {
  const answer = async (orm: Twins['plain']): Promise<unknown> =>
    JSON.parse(JSON.stringify((await step(orm.em.fork())) ?? null)) as unknown;
  expect(await answer(both.behind)).toEqual(await answer(both.plain));
}

/** Two authors with two books each, two tags, reviews; all of it written. */
beforeEach(async () => {
  base += 100;
  await same(async (em) => {
    const tags = [1, 2].map((n) => em.create(Tag, { id: base + n, word: `word ${n}` }));
    await em.flush();
    for (const n of [1, 2]) {
      const author = em.create(Author, { id: base + n, name: `author ${n}` });
      await em.flush();
      em.create(Profile, { id: base + n, bio: `bio ${n}`, author });
      for (const m of [1, 2]) {
        const book = em.create(Book, {
          id: base + 10 * n + m,
          title: `book ${n}${m}`,
          price: 10 * n + m,
          tenant: 1,
          author,
        });
        await em.flush();
        book.tags.add(tags[m - 1] as never);
        em.create(Review, { id: base + 10 * n + m, stars: m, book });
        await em.flush();
      }
    }
  });
  await Spillway.of(both.behind).drain();
});

/**
 * Changes rows in both: a new book, changed ones, one that is moved to the other author, a renamed author and tag, a
 * deleted book.
 */
async function stage(): Promise<void> {
  await same(async (em) => {
    const [one, two] = [await em.findOneOrFail(Author, base + 1), await em.findOneOrFail(Author, base + 2)];
    em.create(Book, { id: base + 13, title: 'new', price: 13, tenant: 1, author: one });
    em.create(Book, { id: base + 14, title: 'of another tenant', price: 14, tenant: 2, author: one });
    const [first, moved, deleted] = await em.find(
      Book,
      { id: { $in: [base + 11, base + 21, base + 22] } },
      { filters: false, orderBy: { id: 1 } },
    );
    Object.assign(first as object, { title: 'changed', price: 99 });
    Object.assign(moved as object, { author: one });
    two.name = 'renamed';
    (await em.findOneOrFail(Tag, base + 1)).word = 'new word';
    (await em.findOneOrFail(Profile, base + 2)).bio = 'new bio';
    await em.nativeDelete(Review, { book: deleted as never });
    await em.execute('delete from book_tags where book_id = ?', [base + 22]);
    em.remove(deleted as never);
    await em.flush();
  });
  const { pending } = await Spillway.of(both.behind).status();
  expect(Object.keys(pending).toSorted()).toEqual(['Author', 'Book', 'Profile', 'Tag']);
}

/** A read that is given what is pending, and answers what the plain one answers. */
async function sees(read: (em: EntityManager) => unknown): Promise<void> {
  await stage();
  await same(read);
}

/** Rows of this test. */
const mine = (): { id: { $gt: number; $lt: number } } => ({ id: { $gt: base, $lt: base + 100 } });
const BY_ID = { orderBy: { id: 1 } } as const;

describe('a query by criteria', () => {
  test('finds staged rows and staged values (G10)', async () => {
    await sees((em) => em.find(Book, { ...mine(), price: { $gte: 13 } }, { ...BY_ID }));
  });

  test('finds one (G10)', async () => {
    await sees((em) => em.findOne(Book, { ...mine(), title: 'new' }));
    await same((em) => em.findOne(Book, { ...mine(), title: 'book 11' }));
  });

  test('orders and limits by staged values (G10)', async () => {
    await sees((em) => em.find(Book, mine(), { orderBy: { price: 'desc' }, limit: 2, offset: 1 }));
  });

  test('orders by a staged value of a relation', async () => {
    await sees((em) => em.find(Book, mine(), { orderBy: [{ author: { name: 'desc' } }, { id: 1 }] }));
  });

  test.each<[string, (em: EntityManager) => unknown]>([
    ['through a relation', (em) => em.find(Review, { ...mine(), book: { title: 'changed' } }, { ...BY_ID })],
    [
      'through two relations',
      (em) => em.find(Review, { ...mine(), book: { author: { name: 'author 1' } } }, { ...BY_ID }),
    ],
    ['in $or', (em) => em.find(Review, { ...mine(), $or: [{ stars: 7 }, { book: { price: 99 } }] }, { ...BY_ID })],
    ['in $and and $not', (em) => em.find(Review, { $and: [mine(), { $not: { book: { price: 99 } } }] }, { ...BY_ID })],
    ['of some of a collection', (em) => em.find(Author, { ...mine(), books: { $some: { price: 99 } } }, { ...BY_ID })],
    [
      'of none of a collection',
      (em) => em.find(Author, { ...mine(), books: { $none: { title: 'new' } } }, { ...BY_ID }),
    ],
    [
      'of every one of a collection',
      (em) => em.find(Author, { ...mine(), books: { $every: { price: { $lt: 90 } } } }, { ...BY_ID }),
    ],
    ['of a many-to-many relation', (em) => em.find(Book, { ...mine(), tags: { word: 'new word' } }, { ...BY_ID })],
    ['of its inverse side', (em) => em.find(Tag, { ...mine(), books: { title: 'changed' } }, { ...BY_ID })],
    [
      'of the inverse side of a one-to-one relation',
      (em) => em.find(Author, { ...mine(), profile: { bio: 'new bio' } }, { ...BY_ID }),
    ],
    [
      'in unionWhere',
      (em) => em.find(Author, mine(), { ...BY_ID, unionWhere: [{ name: 'renamed' }, { books: { title: 'new' } }] }),
    ],
  ])('sees conditions %s', async (_, read) => {
    await sees(read);
  });

  test('with a raw condition on its own table', async () => {
    await sees((em) => em.find(Book, { ...mine(), [raw('length(title)')]: 3 }, { ...BY_ID }));
  });

  test('with fields, or without some', async () => {
    await sees((em) =>
      em.find(Book, { ...mine(), price: { $gte: 13 } }, { ...BY_ID, fields: ['title', 'author.name'] }),
    );
    await same((em) => em.find(Book, mine(), { ...BY_ID, exclude: ['title'] }));
  });

  test('shows formulas of staged values', async () => {
    await sees(async (em) => (await em.find(Book, { ...mine(), price: 99 }, { ...BY_ID })).map(({ label }) => label));
  });
});

describe('counts and pages', () => {
  test('count (G10)', async () => {
    await sees((em) => em.count(Book, { ...mine(), price: { $gt: 12 } }));
  });

  test('counts by a property', async () => {
    await sees((em) => em.countBy(Book, 'author', { where: mine() }));
  });

  test('findAndCount', async () => {
    await sees((em) => em.findAndCount(Book, mine(), { orderBy: { price: 1 }, limit: 2 }));
  });

  test('findByCursor', async () => {
    await sees(async (em) => {
      const first = await em.findByCursor(Book, { where: mine(), first: 2, orderBy: { price: 'asc' } });
      const next = await em.findByCursor(Book, { where: mine(), first: 2, after: first, orderBy: { price: 'asc' } });
      return [first, next].map(({ items, totalCount, hasNextPage }) => [items, totalCount, hasNextPage]);
    });
  });

  test('stream, which passes by driver.find', async () => {
    await sees(async (em) => {
      const seen: unknown[] = [];
      for await (const book of em.stream(Book, { where: mine(), orderBy: { id: 1 }, populate: ['author'] }))
        seen.push([book.title, book.author.name]);
      return seen;
    });
  });

  test('loadCount of a collection', async () => {
    await sees(async (em) => (await em.findOneOrFail(Author, base + 1)).books.loadCount());
  });
});

describe('populated relations', () => {
  test.each(['select-in', 'joined', 'balanced'] as const)(
    'one-to-many: children that are only staged, %s (G3)',
    async (strategy) => {
      await sees((em) => em.find(Author, mine(), { ...BY_ID, populate: ['books'], strategy }));
    },
  );

  test.each(['select-in', 'joined'] as const)('nested, with orders of the children, %s (A14)', async (strategy) => {
    await sees((em) =>
      em.find(Review, mine(), {
        orderBy: { id: 1 },
        populate: ['book.author', 'book.tags'],
        populateOrderBy: { book: { tags: { word: 1 } } },
        strategy,
      }),
    );
  });

  test.each(['select-in', 'joined'] as const)('many-to-many, both sides, by the pivot table, %s', async (strategy) => {
    await sees((em) => em.find(Book, mine(), { ...BY_ID, populate: ['tags'], strategy }));
    await stageMore();
    await same((em) => em.find(Tag, mine(), { ...BY_ID, populate: ['books'], strategy }));
  });

  test.each(['select-in', 'joined'] as const)('one-to-one, from both sides, %s', async (strategy) => {
    await sees((em) => em.find(Author, mine(), { ...BY_ID, populate: ['profile'], strategy }));
    await same((em) => em.find(Profile, mine(), { ...BY_ID, populate: ['author'], strategy }));
  });

  test('a one-to-one reference in the other table, of a look-up by key', async () => {
    await same(async (em) => {
      const author = em.create(Author, { id: base + 5, name: 'late' });
      await em.flush();
      em.create(Profile, { id: base + 5, bio: 'staged', author });
      await em.flush();
    });
    await same(async (em) => (await em.findOneOrFail(Author, base + 5)).profile?.id);
  });

  test('with populateWhere', async () => {
    await sees((em) =>
      em.find(Author, mine(), { ...BY_ID, populate: ['books'], populateWhere: { books: { price: { $gt: 12 } } } }),
    );
  });

  test('of entities that are there already', async () => {
    await sees(async (em) => {
      const authors = await em.find(Author, mine(), { ...BY_ID });
      await em.populate(authors, ['books', 'profile']);
      return authors;
    });
  });

  test('of a collection that is matched', async () => {
    await sees(async (em) => (await em.findOneOrFail(Author, base + 1)).books.matching({ where: { price: 99 } }));
    await stageMore();
    await same(async (em) =>
      (await em.findOneOrFail(Book, base + 11)).tags.matching({ where: { word: 'newer word' } }),
    );
  });
});

/** Once more something that is pending, of a tag and a book. */
async function stageMore(): Promise<void> {
  await same(async (em) => {
    (await em.findOneOrFail(Tag, base + 1)).word = 'newer word';
    (await em.findOneOrFail(Book, base + 11)).title = 'changed again';
    await em.flush();
  });
}

describe('filters', () => {
  test('that are on by default hold for staged rows', async () => {
    await sees((em) => em.find(Book, { author: base + 1 }, { ...BY_ID }));
  });

  test('make a look-up a query: a row that moves to another tenant while staged is no longer found', async () => {
    await same(async (em) => {
      (await em.findOneOrFail(Book, base + 11)).tenant = 2;
      await em.flush();
    });
    await same((em) => em.findOne(Book, base + 11));
    await same((em) => em.findOne(Book, base + 11, { filters: false }));
    await same((em) => em.find(Author, mine(), { ...BY_ID, populate: ['books'] }));
  });

  test('that are switched off show all', async () => {
    await sees((em) => em.find(Book, mine(), { ...BY_ID, filters: false }));
  });
});

describe('a subclass', () => {
  test('does not find a staged row of its sibling by key (G6)', async () => {
    await same(async (em) => {
      em.create(Cat as never, { id: base + 1, name: 'cat' } as never);
      em.create(Dog as never, { id: base + 2, name: 'dog' } as never);
      await em.flush();
    });
    for (const entity of [Animal, Dog, Cat]) {
      await same((em) => em.findOne(entity as never, base + 1));
      await same((em) => em.find(entity as never, [base + 1, base + 2] as never, { ...BY_ID }));
    }
    await same((em) => em.find(Dog as never, { name: { $in: ['cat', 'dog'] } }, { ...BY_ID }));
    await same((em) => em.count(Cat as never, { id: { $gt: base } }));
  });
});

describe('what is read again', () => {
  test('is the instance of the identity map, and refreshed with what is staged elsewhere', async () => {
    await same(async (em) => {
      const book = await em.findOneOrFail(Book, base + 11);
      const other = em.fork();
      (await other.findOneOrFail(Book, base + 11)).title = 'from elsewhere';
      await other.flush();
      await em.refresh(book);
      const found = await em.find(Book, { id: base + 11 }, { refresh: true });
      return [book.title, found];
    });
  });
});

describe('pessimistic locks', () => {
  test.each([
    ['by key', (em: EntityManager) => em.findOne(Book, base + 13, { lockMode: LockMode.PESSIMISTIC_WRITE })],
    [
      'by criteria',
      (em: EntityManager) => em.findOne(Book, { ...mine(), title: 'new' }, { lockMode: LockMode.PESSIMISTIC_WRITE }),
    ],
  ])('lock rows that were only staged, %s (G9)', async (_, find) => {
    await stage();
    await same(async (em) =>
      em.transactional(async (inner) => {
        const book = await find(inner);
        const other = em.fork();
        const locked = await other
          .getConnection()
          .execute(`select id from book where id = ${base + 13} for update skip locked`);
        return [book?.title, locked];
      }),
    );
  });
});

test('a virtual entity reads what is staged of any table', async () => {
  await sees((em) => em.find(Shelf, { author: { $gt: base, $lt: base + 100 } }, { orderBy: { author: 1 } }));
  await stageMore();
  await same((em) => em.count(Shelf, { author: { $gt: base, $lt: base + 100 } }));
});

test('and what both have written is the same', async () => {
  expect(await both.differences()).toEqual([]);
});
