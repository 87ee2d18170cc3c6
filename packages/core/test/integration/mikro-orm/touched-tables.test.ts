/* oxlint-disable vitest/expect-expect -- sees() expects */
import { raw, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import {
  ALL,
  Animal,
  Author,
  Book,
  Comment,
  Copy,
  Country,
  Dog,
  Label,
  Profile,
  Review,
  Shelf,
  Stats,
  Tag,
} from './touched-entities.js';
import { twins, type Twins } from './twin-orm.js';

/** What a query reads without saying so: MikroORM joins it late, or it is SQL. Against a plain twin. */

let both: Twins;
/** Keys of this test's own. */
let base = 0;

beforeAll(async () => {
  // MikroORM otherwise names what filters reach in the arguments of the query.
  both = await twins(ALL as never, { autoJoinRefsForFilters: false });
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/** What plain MikroORM refuses is to be refused alike: releases differ in what they can make SQL of. */
async function same(step: (em: EntityManager) => unknown): Promise<void> {
  const answer = async (orm: Twins['plain']): Promise<unknown> => {
    try {
      return JSON.parse(JSON.stringify((await step(orm.em.fork())) ?? null)) as unknown;
    } catch (error) {
      return { refused: (error as Error).message };
    }
  };
  expect(await answer(both.behind)).toEqual(await answer(both.plain));
}

/** A row of each type, written; then each is changed, and stays pending. */
beforeEach(async () => {
  base += 10;
  const id = base;
  await same(async (em) => {
    const country = em.create(Country, { id, title: 'old' });
    await em.flush();
    const author = em.create(Author, { id, name: 'old', address: { street: 'old', country } });
    await em.flush();
    const shelf = em.create(Shelf, { id, place: 'cellar', owner: author });
    const tag = em.create(Tag, { id, word: 'old' });
    await em.flush();
    const book = em.create(Book, { id, title: 'old', author, shelf });
    em.create(Profile, { id, bio: 'old', author });
    em.create(Dog as never, { id, name: 'old', keeper: author } as never);
    await em.flush();
    em.create(Copy, { id, book, shelf });
    em.create(Label, { id, text: 'hidden', book });
    await em.flush();
    book.tags.add(tag);
    em.create(Review, { id, stars: 1, book });
    em.create(Comment, { id, body: 'of the author', subject: author });
    em.create(Comment, { id: id + 1, body: 'of the shelf', subject: shelf });
    em.create(Comment, { id: id + 2, body: 'of the tag', subject: tag });
    await em.flush();
  });
  await Spillway.of(both.behind).drain();
  await same(async (em) => {
    (await em.findOneOrFail(Country, id, { filters: false })).title = 'new';
    (await em.findOneOrFail(Author, id, { filters: false })).name = 'new';
    (await em.findOneOrFail(Profile, id, { filters: false })).bio = 'new';
    (await em.findOneOrFail(Shelf, id, { filters: false })).place = 'hall';
    (await em.findOneOrFail(Tag, id, { filters: false })).word = 'new';
    (await em.findOneOrFail(Label, id, { filters: false })).text = 'shown';
    (await em.findOneOrFail(Book, id, { filters: false })).title = 'new';
    ((await em.findOneOrFail(Animal as never, id as never, { filters: false })) as { name: string }).name = 'new';
    await em.flush();
    await em.insert(Copy, { id: id + 1, book: id, shelf: id });
  });
});

/** A read that is given what is pending, and answers what the plain one answers. */
async function sees(read: (em: EntityManager) => unknown): Promise<void> {
  const { pending } = await Spillway.of(both.behind).status();
  expect(Object.keys(pending).toSorted()).toEqual(
    ['Animal', 'Author', 'Book', 'Copy', 'Country', 'Label', 'Profile', 'Shelf', 'Tag'].toSorted(),
  );
  await same(read);
}

const mine = (): { id: { $gte: number; $lt: number } } => ({ id: { $gte: base, $lt: base + 10 } });
const BY_ID = { orderBy: { id: 1 } } as const;

describe('a relation to a view', () => {
  test.each(['joined', 'select-in'] as const)('that is populated, %s', async (strategy) => {
    await sees((em) => em.find(Author, mine(), { ...BY_ID, populate: ['stats'], strategy }));
  });

  test('in a condition', async () => {
    await sees((em) => em.find(Author, { ...mine(), stats: { place: 'hall' } }, { ...BY_ID }));
  });

  test('in an order, and in a count', async () => {
    await sees((em) => em.find(Author, mine(), { orderBy: [{ stats: { place: 1 } }, { id: 1 }] }));
  });

  test('in a count', async () => {
    await sees((em) => em.count(Author, { ...mine(), stats: { place: 'hall' } }));
  });
});

describe('a polymorphic relation', () => {
  test.each(['joined', 'select-in', 'balanced'] as const)('that is populated, %s', async (strategy) => {
    await sees((em) => em.find(Comment, mine(), { ...BY_ID, populate: ['subject'], strategy }));
  });

  test('in a stream', async () => {
    await sees(async (em) => {
      const seen: unknown[] = [];
      for await (const comment of em.stream(Comment, { where: mine(), ...BY_ID, populate: ['subject'] }))
        seen.push([comment.body, comment.subject]);
      return seen;
    });
  });
});

describe('a filter of an entity that is joined', () => {
  test.each(['joined', 'select-in'] as const)('by a condition on a collection, %s', async (strategy) => {
    await sees((em) => em.find(Author, { ...mine(), books: { title: 'new' } }, { ...BY_ID, strategy }));
  });

  test('by a condition on a reference', async () => {
    await sees((em) => em.find(Review, { ...mine(), book: { title: 'new' } }, { ...BY_ID }));
  });

  test('that is switched on by the query', async () => {
    await sees((em) =>
      em.find(
        Author,
        { ...mine(), books: { shelf: { place: 'hall' } } },
        {
          ...BY_ID,
          filters: { open: true },
        },
      ),
    );
  });

  test('in a count', async () => {
    await sees((em) => em.count(Author, { ...mine(), books: { title: 'new' } }));
  });

  test('of $some, $none and $every', async () => {
    await sees(async (em) => [
      await em.find(Author, { ...mine(), books: { $some: { id: base } } }, { ...BY_ID }),
      await em.find(Author, { ...mine(), books: { $none: { id: base } } }, { ...BY_ID }),
      await em.find(Author, { ...mine(), books: { $every: { title: 'new' } } }, { ...BY_ID }),
    ]);
  });

  test('of a populated collection, and by populateFilter', async () => {
    await sees((em) => em.find(Author, mine(), { ...BY_ID, populate: ['books'], strategy: 'joined' }));
  });

  test('of a pivot table', async () => {
    await sees((em) => em.find(Tag, { ...mine(), books: { title: 'new' } }, { ...BY_ID }));
  });

  test('of a collection that is counted', async () => {
    await sees(async (em) => (await em.findOneOrFail(Author, base)).books.loadCount());
  });
});

describe('a relation in an embeddable', () => {
  test('in a condition', async () => {
    await sees((em) => em.find(Author, { ...mine(), address: { country: { title: 'new' } } }, { ...BY_ID }));
  });

  test.each(['joined', 'select-in'] as const)('that is populated, %s', async (strategy) => {
    await sees((em) => em.find(Author, mine(), { ...BY_ID, populate: ['address.country'], strategy }));
  });

  test('in an order', async () => {
    await sees((em) => em.find(Author, mine(), { orderBy: [{ address: { country: { title: 1 } } }, { id: 1 }] }));
  });
});

describe('SQL in a query', () => {
  test('a formula', async () => {
    await sees((em) => em.find(Copy, mine(), { ...BY_ID }));
  });

  test('a formula of rows that are looked up by key', async () => {
    await sees((em) => em.find(Copy, [base, base + 1], { ...BY_ID }));
  });

  test('a lazy formula that is populated', async () => {
    await sees((em) => em.find(Book, mine(), { ...BY_ID, populate: ['copies'] }));
  });

  test('a formula in a condition', async () => {
    await sees((em) => em.find(Copy, { ...mine(), place: 'hall' }, { ...BY_ID }));
  });

  test('a raw condition', async () => {
    await sees((em) =>
      em.find(
        Review,
        { ...mine(), [raw('exists (select 1 from qa_shelf where place = ?)', ['hall'])]: [] },
        {
          ...BY_ID,
        },
      ),
    );
  });

  test('a query builder as a value', async () => {
    await sees((em) => {
      const inner = em.qb(Tag, 't').select('t.id').where({ word: 'new' });
      return em.find(Review, { ...mine(), id: { $in: inner.toRaw() } }, { ...BY_ID });
    });
  });

  test('a raw order', async () => {
    await sees((em) =>
      em.find(Review, mine(), { orderBy: { [raw('(select min(word) from qa_tag where id >= ?)', [base])]: 1 } }),
    );
  });

  test('of a count by a property', async () => {
    await sees((em) =>
      em.countBy(Review, 'stars', {
        where: {
          ...mine(),
          [raw('exists (select 1 from qa_shelf where id = ? and place = ?)', [base, 'hall'])]: [],
        } as never,
      }),
    );
  });

  test('of a page', async () => {
    await sees(async (em) => {
      const page = await em.findByCursor(Copy, { where: { ...mine(), place: 'hall' }, first: 1, orderBy: { id: 1 } });
      return [page.items, page.totalCount];
    });
  });

  test('in a transaction', async () => {
    await sees((em) => em.transactional((inner) => inner.find(Copy, { ...mine(), place: 'hall' }, { ...BY_ID })));
  });
});

describe('a statement by criteria', () => {
  test('that updates by a view', async () => {
    await sees((em) => em.nativeUpdate(Author, { ...mine(), stats: { place: 'hall' } }, { name: 'of the hall' }));
    await same((em) => em.find(Author, mine(), { ...BY_ID }));
  });

  test('that deletes plain rows by SQL', async () => {
    await sees((em) =>
      em.nativeDelete(Review, {
        ...mine(),
        [raw('exists (select 1 from qa_shelf where id = ? and place = ?)', [base, 'hall'])]: [],
      }),
    );
    await same((em) => em.find(Review, mine(), { ...BY_ID }));
  });

  test('that updates by a relation in an embeddable', async () => {
    await sees((em) =>
      em.nativeUpdate(Author, { ...mine(), address: { country: { title: 'new' } } }, { name: 'abroad' }),
    );
    await same((em) => em.find(Author, mine(), { ...BY_ID }));
  });
});

test('a view that is a root, and one that is reached from its rows', async () => {
  await sees((em) => em.find(Stats, { ...mine(), author: { name: 'new' } }, { ...BY_ID, populate: ['author'] }));
});

test('and what both have written is the same', async () => {
  expect(await both.differences()).toEqual([]);
});
