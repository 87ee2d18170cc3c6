import { defineEntity, p, wrap, type EntityManager, type EntityRepository } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Shelf = defineEntity({ name: 'Shelf', properties: { id: p.integer().primary(), name: p.string() } });
const Book = defineEntity({
  name: 'Book',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    pages: p.integer().default(1),
    shelf: () => p.manyToOne(Shelf).nullable(),
  },
});
for (const schema of [Shelf, Book]) WriteBehind()(schema.class as never);

interface Row {
  id: number;
  title: string;
  pages: number;
}
type Books = EntityRepository<Row>;
const books = (em: EntityManager): Books => em.getRepository(Book) as never;

let both: Twins;

beforeAll(async () => {
  both = await twins([Shelf, Book]);
  await both.same(async (em) => {
    const shelf = em.create(Shelf, { id: 1, name: 'A' });
    for (const id of [1, 2, 3, 4]) em.create(Book, { id, title: `t${id}`, pages: id, shelf } as never);
    await em.flush();
  });
  await both.differences();
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

const BY_ID = { orderBy: { id: 'asc' } } as const;

/**
 * Method of MikroORM's repository -> a use of it; whatever answers for rows is asked for values that are only staged.
 */
const METHODS: Readonly<Record<string, (repository: Books, em: EntityManager) => unknown>> = {
  find: (repository) => repository.find({ title: 'staged' }, BY_ID),
  findOne: (repository) => repository.findOne(1),
  findOneOrFail: (repository) => repository.findOneOrFail({ title: 'staged' }, BY_ID),
  findAll: (repository) => repository.findAll(BY_ID),
  findAndCount: (repository) => repository.findAndCount({ pages: 99 }, BY_ID),
  findByCursor: async (repository) => {
    const { items, totalCount } = await repository.findByCursor({ ...BY_ID, first: 2, where: { pages: 99 } });
    return { items: items.map(shown), totalCount };
  },
  stream: async (repository) => {
    const found: unknown[] = [];
    for await (const row of repository.stream({ ...BY_ID, where: { pages: 99 } })) found.push(row);
    return found;
  },
  count: (repository) => repository.count({ pages: 99 }),
  countBy: (repository) => repository.countBy('title'),
  populate: async (repository) => repository.populate(await repository.find({ id: [1, 2] }), ['shelf'] as never),
  insert: (repository) => repository.insert({ id: 10, title: 'inserted', pages: 1 }),
  insertMany: (repository) => repository.insertMany([{ id: 11, title: 'inserted', pages: 1 }]),
  upsert: (repository) => repository.upsert({ id: 1, title: 'upserted', pages: 5 }),
  upsertMany: (repository) => repository.upsertMany([{ id: 2, title: 'upserted', pages: 5 }]),
  nativeUpdate: (repository) => repository.nativeUpdate({ id: 3 }, { title: 'updated' }),
  nativeDelete: (repository) => repository.nativeDelete({ id: 4 }),
  create: async (repository, em) => {
    repository.create({ id: 12, title: 'created', pages: 1 });
    await em.flush();
  },
  assign: async (repository, em) => {
    repository.assign(await repository.findOneOrFail({ id: 1 }), { title: 'assigned' });
    await em.flush();
  },
  getReference: async (repository, em) => {
    repository.getReference(2 as never).title = 'referred to';
    await em.flush();
  },
  merge: async (repository, em) => {
    repository.merge({ id: 3, title: 't3', pages: 3 }).title = 'merged';
    await em.flush();
  },
  map: (repository) => repository.map({ id: 5, title: 'mapped' }),
  canPopulate: (repository) => ['shelf', 'nothing'].map((name) => repository.canPopulate(name)),
  getEntityName: (repository) => repository.getEntityName(),
};

test.each(Object.entries(METHODS))(
  '%s() of a repository does as plain MikroORM, with what is staged',
  async (_, use) => {
    await both.same(async (em) => {
      for (const row of await em.find(Book, { id: { $in: [1, 2] } }))
        Object.assign(row, { title: 'staged', pages: 99 });
      await em.flush();
    });
    await both.same(async (em) => {
      const answer = await use(books(em), em);
      return Array.isArray(answer) ? answer.map(shown) : shown(answer);
    });
    expect(await both.differences()).toEqual([]);
    for (const orm of [both.behind, both.plain]) {
      await orm.em.fork().nativeDelete(Book, { id: { $gt: 4 } });
      const again = [1, 2, 3, 4].map((id) => ({ id, title: `t${id}`, pages: id, shelf: 1 }));
      await orm.em.fork().upsertMany(Book, again);
    }
    expect(await both.differences()).toEqual([]);
  },
);

test('getEntityManager(), createQueryBuilder() and qb() are those of MikroORM', async () => {
  const em = both.behind.em.fork();
  const repository = em.getRepository(Book);
  expect(repository.getEntityManager()).toBe(em);
  await em.nativeUpdate(Book, { id: 1 }, { title: 'only staged' });
  const titles = async () => {
    em.clear();
    const queries = [repository.createQueryBuilder(), repository.qb()];
    return Promise.all(queries.map(async (query) => (await query.where({ id: 1 }).getResult())[0]?.title));
  };
  expect(await titles()).toEqual(['t1', 't1']);
  await Spillway.of(both.behind).drain();
  expect(await titles()).toEqual(['only staged', 'only staged']);
});

function shown(value: unknown): unknown {
  return value !== null && typeof value === 'object' && '__helper' in value ? wrap(value).toPOJO() : value;
}
