/** Compiled, never run: the option `spillway` of MikroORM's queries. */
import { defineEntity, p, type EntityManager, type EntityRepository, type Loaded } from '@mikro-orm/core';
import { expectTypeOf } from 'vitest';
import type { QueryMode } from '../../src/index.js';

const Writer = defineEntity({ name: 'Writer', properties: { id: p.integer().primary(), name: p.string() } });
const Book = defineEntity({
  name: 'Book',
  properties: { id: p.integer().primary(), title: p.string(), writer: () => p.manyToOne(Writer) },
});
type Book = InstanceType<typeof Book.class>;

export async function everyQueryTakesIt(em: EntityManager, books: EntityRepository<Book>): Promise<void> {
  const mode: QueryMode = 'overlay';
  const found = await em.find(Book, { title: 'x' }, { spillway: mode, populate: ['writer'], orderBy: { id: 'asc' } });
  expectTypeOf(found).toExtend<Loaded<Book, 'writer'>[]>();
  await em.findOne(Book, 1, { spillway: 'database', fields: ['title'] });
  await em.findOneOrFail(Book, { title: 'x' }, { spillway: 'drain' });
  await em.findAll(Book, { where: { title: 'x' }, spillway: 'overlay' });
  await em.findAndCount(Book, { title: 'x' }, { spillway: 'overlay', limit: 10 });
  const page = await em.findByCursor(Book, { where: {}, first: 10, orderBy: { id: 'asc' }, spillway: 'overlay' });
  expectTypeOf(page.totalCount).toEqualTypeOf<number>();
  await em.count(Book, { title: 'x' }, { spillway: 'database' });
  await em.countBy(Book, 'title', { spillway: 'database' });
  for await (const book of em.stream(Book, { where: { title: 'x' }, spillway: 'overlay' }))
    expectTypeOf(book.title).toBeString();
  await em.populate(found, ['writer'], { spillway: 'overlay' });
  await em.refresh(found[0] as Book, { spillway: 'database' });
  await books.find({ title: 'x' }, { spillway: 'overlay' });
  await books.count({ title: 'x' }, { spillway: 'overlay' });
}

export async function otherValuesAreRefused(em: EntityManager): Promise<void> {
  // @ts-expect-error -- there is no such mode
  await em.find(Book, {}, { spillway: 'overlaid' });
  // @ts-expect-error -- a mode has a name
  await em.findOne(Book, 1, { spillway: true });
  // @ts-expect-error -- there is no such mode
  await em.count(Book, {}, { spillway: 'stage' });
}
