import { defineEntity, MikroORM, p, raw } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const Author = defineEntity({ name: 'Author', properties: { id: p.integer().primary(), name: p.string() } });
const Slow = defineEntity({ name: 'Slow', properties: { id: p.integer().primary(), name: p.string() } });
/** Plain: nothing of it goes to the primary but what has to. */
const Shelf = defineEntity({
  name: 'Shelf',
  properties: { id: p.integer().primary(), label: p.string(), authors: () => p.manyToMany(Author) },
});
WriteBehind({ drainTimeout: '200ms' })(Author.class as never);
WriteBehind({ drainTimeout: '1h' })(Slow.class as never);

let db: Database;
/** Has the tables and no rows, as a replica that lags. */
let replica: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  replica = await database();
  const entities = [Author, Slow, Shelf];
  const lagging = await MikroORM.init({ entities, clientUrl: replica.url });
  await lagging.schema.create();
  await lagging.close();
  orm = await MikroORM.init({
    entities,
    clientUrl: db.url,
    replicas: [{ dbName: new URL(replica.url).pathname.slice(1) }],
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
  await replica.drop();
});

test('what a query has drained is read from the primary, by count, stream, joins and pivot tables too', async () => {
  const em = orm.em.fork();
  const author = em.create(Author, { id: 1, name: 'Ada' });
  await em.flush();
  em.create(Shelf, { id: 1, label: 'shelf' }).authors.add(author);
  await em.flush();
  const rename = async (name: string): Promise<void> => {
    author.name = name;
    await em.flush();
  };

  await rename('counted');
  expect(await orm.em.fork().count(Author, { name: 'counted' })).toBe(1);
  await rename('streamed');
  const streamed: unknown[] = [];
  for await (const { name } of orm.em.fork().stream(Author, { where: { name: 'streamed' } })) streamed.push(name);
  expect(streamed).toEqual(['streamed']);
  await rename('joined');
  expect(await orm.em.fork().find(Shelf, { authors: { name: 'joined' } })).toHaveLength(1);
  await rename('populated');
  const [shelf] = await orm.em.fork().find(Shelf, {}, { connectionType: 'write' });
  expect((await shelf?.authors.loadItems())?.map(({ name }) => name)).toEqual(['populated']);
  // What touches nothing that is written behind goes where MikroORM sends it.
  expect(await orm.em.fork().count(Shelf)).toBe(0);
});

describe('a query that cannot be drained', () => {
  test('waits as long as the types allow that it touches, whatever others allow', async () => {
    const em = orm.em.fork();
    const author = em.create(Author, { id: 2, name: 'locked' });
    await em.flush();
    await Spillway.of(orm).drain();
    const locker = orm.em.fork();
    await locker.begin();
    await locker.execute('select from author where id = 2 for update');
    author.name = 'waits';
    await em.flush();
    await expect(orm.em.fork().nativeUpdate(Author, { id: 2 }, { name: raw<string>("'by SQL'") })).rejects.toThrow(
      /within 200 ms/,
    );
    await locker.rollback();
    await Spillway.of(orm).drain();
  });
});
