import { defineEntity, p, type Collection, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import { thinned } from '@spillway/test-support';
import { beforeEach, describe, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fresh, twinFamilies, type TwinFamilies } from './twins.js';

/** Statements of MikroORM that find rows by a condition: each needs what is pending of their entities. */
function family(prefix: string) {
  const Author: EntitySchema = defineEntity({
    name: `${prefix}Author`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      books: () => p.oneToMany(Book).mappedBy('author').orphanRemoval(),
      letters: () => p.oneToMany(Letter).mappedBy('author'),
      awards: () => p.manyToMany(Award),
    },
  });
  /** Goes with the collection that it is in. */
  const Book: EntitySchema = defineEntity({
    name: `${prefix}Book`,
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      author: () => p.manyToOne(Author),
    },
  });
  /** Goes with its book, by the database. */
  const Chapter: EntitySchema = defineEntity({
    name: `${prefix}Chapter`,
    properties: { id: p.integer().primary(), title: p.string(), book: () => p.manyToOne(Book).deleteRule('cascade') },
  });
  /** Stays, without its author. */
  const Letter: EntitySchema = defineEntity({
    name: `${prefix}Letter`,
    properties: {
      id: p.integer().primary(),
      text: p.string(),
      author: () => p.manyToOne(Author).nullable(),
      version: p.integer().version(),
    },
  });
  const Award: EntitySchema = defineEntity({
    name: `${prefix}Award`,
    properties: { id: p.integer().primary(), name: p.string() },
  });
  return { Author, Book, Chapter, Letter, Award };
}

type Family = ReturnType<typeof family>;
interface Author {
  name: string;
  books: Collection<object>;
  letters: Collection<object>;
  awards: Collection<object>;
}

const allBehind = twinFamilies(family);
const FAMILIES: readonly (readonly [string, TwinFamilies<Family>])[] = [
  ['all written behind', allBehind],
  ['the owner a plain entity', twinFamilies(family, (name) => (name === 'Author' ? undefined : {}))],
  ['the members plain entities', twinFamilies(family, (name) => (/Book|Letter/.test(name) ? undefined : {}))],
  ['all copied', twinFamilies(family, () => ({ cache: { ttl: '1m' } }))],
];

const WAYS: readonly (readonly [string, (em: EntityManager, act: (em: EntityManager) => Promise<void>) => unknown])[] =
  [
    ['a flush', (em, act) => act(em)],
    ['a transaction', (em, act) => em.transactional(act)],
    ['a transaction that holds', (em, act) => em.transactional(act, { spillway: 'stage' })],
  ];

const CHANGES: Readonly<Record<string, (author: Author, em: EntityManager, entities: Family) => void>> = {
  'are set to nothing': (author) => {
    for (const collection of [author.books, author.letters, author.awards]) collection.removeAll();
  },
  'are set to some that were there': (author, em, { Book, Letter, Award }) => {
    author.books.set([em.getReference(Book, base + 1)]);
    author.letters.set([em.getReference(Letter, base + 1)]);
    author.awards.set([em.getReference(Award, base + 1)]);
  },
  'are set to some that are new': (author, em, { Book, Letter, Award }) => {
    author.books.set([em.create(Book, { id: base + 9, title: 'New' } as never)]);
    author.letters.set([em.create(Letter, { id: base + 9, text: 'New' } as never)]);
    author.awards.set([em.create(Award, { id: base + 9, name: 'New' } as never)]);
  },
  'are set to some of another one, and their owner changes': (author, em, { Book, Letter, Award }) => {
    author.books.set([em.getReference(Book, base + 3)]);
    author.letters.set([em.getReference(Letter, base + 3)]);
    author.awards.set([em.getReference(Award, base + 3)]);
    author.name = 'Renamed';
  },
  'are assigned': (author, em) => {
    em.assign(author, { books: [{ id: base + 8, title: 'Assigned' }], letters: [base + 2], awards: [] } as never);
  },
};

let base = 0;
beforeEach(() => void (base += 10));

/** Two authors: with members 1 and 2, and with member 3. */
async function make(em: EntityManager, { Author, Book, Chapter, Letter, Award }: Family): Promise<void> {
  const authors = [0, 1].map((more) => em.create(Author, { id: base + more, name: 'Ann' } as never) as Author);
  for (const [more, author] of [authors[0], authors[0], authors[1]].entries()) {
    const id = base + 1 + more;
    const book = em.create(Book, { id, title: 'Book', author } as never);
    em.create(Chapter, { id, title: 'Chapter', book } as never);
    em.create(Letter, { id, text: 'Letter', author } as never);
    author?.awards.add(em.create(Award, { id, name: 'Award' } as never));
  }
  await em.flush();
}

/** Members change their places: 2 goes, 3 comes. */
async function swap(em: EntityManager, { Author, Book, Letter }: Family): Promise<void> {
  for (const entity of [Book, Letter]) {
    Object.assign(await em.findOneOrFail(entity, base + 2), { author: em.getReference(Author, base + 1) });
    Object.assign(await em.findOneOrFail(entity, base + 3), { author: em.getReference(Author, base) });
  }
  await em.flush();
}

const STATES: Readonly<Record<string, (em: EntityManager, entities: Family, both: TwinFamilies<Family>) => unknown>> = {
  'new and pending': async (em, entities) => make(em, entities),
  'written, with pending changes': async (em, entities, both) => {
    await make(em, entities);
    await Spillway.of(both.orm).drain();
    await swap(em.fork(), entities);
  },
};

describe.each(
  FAMILIES.flatMap(([who, both]) =>
    WAYS.flatMap(([way, run]) =>
      Object.entries(STATES).map(([state, prepare]) => [who, way, state, both, run, prepare] as const),
    ),
  ).map((row, turn) => [...row, thinned(Object.entries(CHANGES), turn, 5)] as const),
)(
  'collections that nobody has loaded, %s, by %s, whose members are %s,',
  (_who, _way, _state, both, run, prepare, changes) => {
    test.each(changes)('%s as in plain MikroORM', async (_what, change) => {
      await both.expectSame(async (em, entities, see) => {
        await prepare(em, entities, both);
        const other = em.fork();
        for (const entity of Object.values(entities)) await fresh(both.orm, entity, base + 1);
        await run(other, async (inner) => {
          const author = (await inner.findOneOrFail(entities.Author, base)) as Author;
          change(author, inner, entities);
          await inner.flush();
        });
        for (const entity of Object.values(entities))
          for (const more of [0, 1, 2, 3, 8, 9]) see(await fresh(both.orm, entity, base + more));
      });
    });
  },
);

describe('calls past the unit of work', () => {
  const CALLS: Readonly<Record<string, (em: EntityManager, entities: Family) => Promise<unknown>>> = {
    'em.nativeUpdate() of a key under unionWhere': async (em, { Letter }) =>
      em.nativeUpdate(Letter, { id: base + 3 }, { text: 'x' } as never, {
        unionWhere: [{ author: { name: 'Renamed' } }, { text: 'none' }] as never,
      }),
    'em.nativeDelete() of a key under unionWhere': async (em, { Letter }) =>
      em.nativeDelete(
        Letter,
        { id: base + 3 },
        {
          unionWhere: [{ author: { name: 'Renamed' } }, { text: 'none' }] as never,
        },
      ),
    'em.nativeUpdate() by a condition': async (em, { Letter }) =>
      em.nativeUpdate(Letter, { author: base }, { text: 'x' } as never),
    'em.nativeDelete() by a condition': async (em, { Book }) => em.nativeDelete(Book, { author: base }),
    'em.nativeDelete() of rows that others own': async (em, { Award }) => em.nativeDelete(Award, { name: 'Award' }),
    'em.upsert() with options that only SQL knows': async (em, { Letter }) =>
      em.upsert(Letter, { id: base + 3, text: 'x', author: base + 1 }, { onConflictFields: ['id'] }),
  };

  test.each(Object.entries(CALLS).flatMap(([name, call]) => WAYS.map(([way, run]) => [name, way, call, run] as const)))(
    '%s in %s find what is pending',
    async (_name, _way, call, run) => {
      await allBehind.expectSame(async (em, entities, see) => {
        await make(em, entities);
        await Spillway.of(allBehind.orm).drain();
        await swap(em.fork(), entities);
        const other = em.fork();
        Object.assign(await other.findOneOrFail(entities.Author, base), { name: 'Renamed' });
        await other.flush();
        await run(em.fork(), async (inner) => {
          await call(inner, entities);
        });
        for (const entity of Object.values(entities))
          for (const more of [0, 1, 2, 3]) see(await fresh(allBehind.orm, entity, base + more));
        // Names are not of one test only.
        await em.fork().nativeDelete(entities.Award, { id: { $gte: base } });
      });
    },
  );
});
