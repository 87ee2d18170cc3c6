import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const Hall = defineEntity({ name: 'Hall', properties: { id: p.integer().primary(), title: p.string() } });
/** The scalar is written; a second property of the same column is for reading. */
const Concert = defineEntity({
  name: 'Concert',
  properties: {
    id: p.integer().primary(),
    hallId: p.integer(),
    hallKey: p.integer().persist(false).fieldName('hall_id'),
    version: p.integer().version(),
  },
});
const Book = defineEntity({
  name: 'Book',
  tableName: 'book',
  properties: { id: p.integer().primary(), title: p.string(), version: p.integer().version() },
});
/** The next release has renamed the property, and left its column. */
const NextBook = defineEntity({
  name: 'Book',
  tableName: 'book',
  properties: { id: p.integer().primary(), name: p.string().fieldName('title'), version: p.integer().version() },
});
const cache = { ttl: '5m' } as const;
WriteBehind({ cache })(Concert.class as never);
WriteBehind({ cache })(Book.class as never);
WriteBehind({ cache })(NextBook.class as never);

let db: LoggedDatabase;
let orm: MikroORM;
let next: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  const settings = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } };
  orm = await MikroORM.init({ entities: [Hall, Concert, Book], clientUrl: db.url, extensions: [spillway(settings)] });
  await orm.schema.create();
  next = await MikroORM.init({ entities: [NextBook], clientUrl: db.url, extensions: [spillway(settings)] });
});

afterAll(async () => {
  await orm.close();
  await next.close();
  await db.drop();
});

test('a second property of a column follows the one that is written', async () => {
  const em = orm.em.fork();
  em.create(Hall, { id: 1, title: 'one' });
  em.create(Hall, { id: 2, title: 'two' });
  const concert = em.create(Concert, { id: 1, hallId: 1 } as never) as { hallId: number };
  await em.flush();
  await Spillway.of(orm).drain();
  const read = async (refresh = false): Promise<unknown> => {
    const { hallId, hallKey: hall, version } = await orm.em.fork().findOneOrFail(Concert, 1, { refresh });
    return { hallId, hall, version };
  };
  expect(await read()).toEqual({ hallId: 1, hall: 1, version: 1 });
  concert.hallId = 2;
  await em.flush();
  expect.soft(await read()).toEqual({ hallId: 2, hall: 2, version: 2 });
  await Spillway.of(orm).drain();
  expect.soft(await read()).toEqual({ hallId: 2, hall: 2, version: 2 });
  expect(await read(true)).toEqual({ hallId: 2, hall: 2, version: 2 });
});

test('a release that calls a column by another name does not read its old value from a copy', async () => {
  const em = next.em.fork();
  const book = em.create(NextBook, { id: 1, name: 'First' } as never) as { name: string };
  await em.flush();
  await Spillway.of(next).drain();
  const read = async (refresh = false): Promise<unknown> => {
    const { title, version } = await orm.em.fork().findOneOrFail(Book, 1, { refresh });
    return { title, version };
  };
  expect(await read()).toEqual({ title: 'First', version: 1 });
  book.name = 'Second';
  await em.flush();
  await Spillway.of(next).drain();
  expect(await read(true)).toEqual({ title: 'Second', version: 2 });
  expect(await read()).toEqual({ title: 'Second', version: 2 });
});
