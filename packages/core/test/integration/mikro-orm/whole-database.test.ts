/* oxlint-disable vitest/expect-expect -- same() expects */
import { defineEntity, p, Routine } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

/** Calls that read whatever they like: a materialized view that is refreshed, and routines. Against a plain twin. */

const Book = defineEntity({
  name: 'Book',
  properties: { id: p.integer().primary(), title: p.string(), version: p.integer().version() },
});
const Shelf = defineEntity({
  name: 'Shelf',
  properties: { id: p.integer().primary(), place: p.string() },
});
const Titles = defineEntity({
  name: 'Titles',
  view: true,
  materialized: true,
  expression: 'select id, title from book',
  properties: { id: p.integer().primary(), title: p.string() },
});
WriteBehind()(Book.class as never);
WriteBehind({ queries: 'database' })(Shelf.class as never);

const CountBooks = new Routine({
  name: 'count_books',
  type: 'function',
  params: { prefix: { type: 'text' } },
  returns: { runtimeType: 'number', columnType: 'int' },
  language: 'plpgsql',
  body: "begin return (select count(*) from book where title like prefix || '%'); end",
});
const CountShelves = new Routine({
  name: 'count_shelves',
  type: 'function',
  params: { prefix: { type: 'text' } },
  returns: { runtimeType: 'number', columnType: 'int' },
  language: 'plpgsql',
  body: "begin return (select count(*) from shelf where place like prefix || '%'); end",
});
const Rename = new Routine({
  name: 'rename_books',
  type: 'procedure',
  params: { prefix: { type: 'text' } },
  language: 'plpgsql',
  body: "begin update book set title = title || '!', version = version + 1 where title like prefix || '%'; end",
});

let both: Twins;
let base = 0;
let prefix = '';

beforeAll(async () => {
  both = await twins([Book, Shelf, Titles] as never, { routines: [CountBooks, CountShelves, Rename] } as never);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/** Something of each type is pending. */
beforeEach(async () => {
  base += 10;
  prefix = `of ${base}`;
  await both.same(async (em) => {
    em.create(Book, { id: base, title: `${prefix}, pending` });
    em.create(Shelf, { id: base, place: `${prefix}, pending` });
    await em.flush();
  });
});

describe('a materialized view', () => {
  test('is refreshed with what is pending', async () => {
    await both.same(async (em) => {
      await (em as never as { refreshMaterializedView(view: unknown): Promise<void> }).refreshMaterializedView(Titles);
      return em.find(Titles, { id: base });
    });
  });

  test('is refreshed with what is pending in a transaction', async () => {
    await both.same(async (em) =>
      em.transactional(async (inner) => {
        await (inner as never as { refreshMaterializedView(view: unknown): Promise<void> }).refreshMaterializedView(
          Titles,
        );
        return inner.find(Titles, { id: base });
      }),
    );
  });
});

describe('a routine', () => {
  test('sees what is pending', async () => {
    await both.same(async (em) => em.callRoutine(CountBooks, { prefix }));
  });

  test('changes what is pending', async () => {
    await both.same(async (em) => em.callRoutine(Rename, { prefix }));
    await both.same(async (em) => em.find(Book, { id: base }));
  });

  test('sees in a transaction what is pending, and what it has held', async () => {
    await both.same(async (em) =>
      em.transactional(
        async (inner) => {
          inner.create(Book, { id: base + 1, title: `${prefix}, held` });
          await inner.flush();
          return inner.callRoutine(CountBooks, { prefix });
        },
        { spillway: 'stage' },
      ),
    );
  });

  test('sees PostgreSQL as it is where the call says so, or the policy', async () => {
    const em = both.behind.em.fork();
    expect(await em.callRoutine(CountBooks, { prefix }, { spillway: 'database' })).toBe(0);
    expect(await em.callRoutine(CountShelves, { prefix })).toBe(0);
    expect(await em.callRoutine(CountShelves, { prefix }, { spillway: 'drain' })).toBe(1);
    expect(await em.callRoutine(CountBooks, { prefix })).toBe(1);
  });

  test('refuses a mode that there is not', async () => {
    await expect(
      both.behind.em.fork().callRoutine(CountBooks, { prefix }, { spillway: 'overlaid' as never }),
    ).rejects.toThrow("The option spillway of a query is 'overlaid'");
  });

  test('is counted among those who had to wait', async () => {
    await both.behind.em.fork().callRoutine(CountBooks, { prefix });
    const { forcedDrains } = await Spillway.of(both.behind).status();
    expect(forcedDrains['count_books.callRoutine']).toBeGreaterThan(0);
  });
});

test('and what both have written is the same', async () => {
  expect(await both.differences()).toEqual([]);
});
