import { defineEntity, p, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { fresh, pending, twinFamilies } from './twins.js';

/**
 * Rows that PostgreSQL itself deletes or changes when the row goes that they refer to: what is pending of them, and
 * what is read of them.
 */
function family(prefix: string) {
  const Author: EntitySchema = defineEntity({
    name: `${prefix}Author`,
    properties: { id: p.integer().primary(), name: p.string(), version: p.integer().version() },
  });
  /** Goes with its author. */
  const Book: EntitySchema = defineEntity({
    name: `${prefix}Book`,
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      author: () => p.manyToOne(Author).deleteRule('cascade'),
    },
  });
  /** Goes with its book, and so with the author of that. */
  const Chapter: EntitySchema = defineEntity({
    name: `${prefix}Chapter`,
    properties: {
      id: p.integer().primary(),
      title: p.string(),
      book: () => p.manyToOne(Book).deleteRule('cascade'),
    },
  });
  /** Stays, without its author. */
  const Letter: EntitySchema = defineEntity({
    name: `${prefix}Letter`,
    properties: { id: p.integer().primary(), text: p.string(), author: () => p.manyToOne(Author).nullable() },
  });
  /** Nobody follows it. */
  const Award: EntitySchema = defineEntity({
    name: `${prefix}Award`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      author: () => p.manyToOne(Author).deleteRule('cascade'),
    },
  });
  /** Does not let its author go. */
  const Contract: EntitySchema = defineEntity({
    name: `${prefix}Contract`,
    properties: {
      id: p.integer().primary(),
      fee: p.integer(),
      author: () => p.manyToOne(Author).deleteRule('restrict'),
    },
  });
  return { Author, Book, Chapter, Letter, Award, Contract };
}

type Family = ReturnType<typeof family>;
/** Who carries no policy matters: what follows a plain row may be pending, and a plain row may follow. */
const FAMILIES = [
  ['all written behind', twinFamilies(family)],
  ['the author a plain entity', twinFamilies(family, (name) => (name === 'Author' ? undefined : {}))],
  ['the followers plain entities', twinFamilies(family, (name) => (name === 'Author' ? {} : undefined))],
] as const;
const [[, both]] = FAMILIES;
let base = 0;

async function make(em: EntityManager, { Author, Book, Chapter, Letter, Award }: Family): Promise<void> {
  const author = em.create(Author, { id: base, name: 'Ann' } as never);
  const book = em.create(Book, { id: base, title: 'First', author } as never);
  em.create(Chapter, { id: base, title: 'One', book } as never);
  em.create(Letter, { id: base, text: 'Dear', author } as never);
  em.create(Award, { id: base, name: 'Best', author } as never);
  await em.flush();
}

const WAYS: readonly (readonly [string, (em: EntityManager, entities: Family) => Promise<unknown>])[] = [
  [
    'em.remove()',
    async (em, { Author }) => {
      em.remove(await em.findOneOrFail(Author, base));
      await em.flush();
    },
  ],
  ['em.nativeDelete() by key', async (em, { Author }) => em.nativeDelete(Author, { id: base })],
  ['em.nativeDelete() by criteria', async (em, { Author }) => em.nativeDelete(Author, { name: 'Ann', id: base })],
  [
    'a transaction',
    async (em, { Author }) =>
      em.transactional(async (inner) => {
        inner.remove(await inner.findOneOrFail(Author, base));
      }),
  ],
];

describe.each(
  FAMILIES.flatMap(([who, families]) => WAYS.map(([way, remove]) => [way, who, remove, families] as const)),
)('rows that follow one that is deleted by %s, %s,', (_way, _who, remove, families) => {
  test('are gone, or refer to nothing, for everybody who reads: also where they were pending', async () => {
    base += 10;
    await families.expectSame(async (em, entities, see) => {
      await make(em, entities);
      await remove(em.fork(), entities);
      for (const entity of Object.values(entities)) see(await fresh(families.orm, entity, base));
    });
  });

  test('are gone, or refer to nothing, where they were written', async () => {
    base += 10;
    await families.expectSame(async (em, entities, see) => {
      await make(em, entities);
      await Spillway.of(families.orm).drain();
      await remove(em.fork(), entities);
      for (const entity of Object.values(entities)) see(await fresh(families.orm, entity, base));
    });
  });
});

test.each(WAYS)('a row that a pending one refers to and does not let go is not deleted by %s', async (_way, remove) => {
  base += 10;
  await both.expectSame(async (em, entities, see) => {
    await make(em, entities);
    em.create(entities.Contract, { id: base, fee: 1, author: base } as never);
    await em.flush();
    see(
      await remove(em.fork(), entities).then(
        () => 'gone',
        (error: Error) => error.constructor.name,
      ),
    );
    for (const entity of Object.values(entities)) see(await fresh(both.orm, entity, base));
  });
});

test('a row that nobody follows is deleted behind', async () => {
  base += 10;
  const em = both.orm.em.fork();
  await make(em, both.behind);
  await Spillway.of(both.orm).drain();
  em.remove(await em.findOneOrFail(both.behind.Award, base));
  await em.flush();
  expect(await pending(both.orm)).toBe(1);
  await em.fork().nativeDelete(both.behind.Letter, { id: base });
  expect(await pending(both.orm)).toBe(2);
});
