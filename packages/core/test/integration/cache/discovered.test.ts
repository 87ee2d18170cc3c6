import { defineEntity, MikroORM, p, type EntitySchema } from '@mikro-orm/postgresql';
import { database, eventually, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { spillway, WriteThrough } from '../../../src/index.js';

/** A cached entity that `orm.discoverEntity()` adds to an ORM, which reads another one through the cache already. */

interface Row {
  id: number;
  name: string;
}

type Entity = EntitySchema<Row>;

let db: Database;
let namespace: string;
const orms: MikroORM[] = [];

beforeEach(async () => {
  db = await database();
  namespace = freshNamespace();
});

afterEach(async () => {
  await Promise.all(orms.splice(0).map((orm) => orm.close()));
  await db.drop();
});

/** Each process has a class of its own. */
function entity(name: string, policy: (target: never) => void): Entity {
  const properties = { id: p.integer().primary(), name: p.string(), version: p.integer().version() };
  const made = defineEntity({ name, tableName: name.toLowerCase(), properties });
  policy(made.class as never);
  return made as never;
}

const cached = (name: string): Entity => entity(name, WriteThrough({ cache: { ttl: '5m' } }));

async function open(...entities: readonly Entity[]): Promise<MikroORM> {
  const orm = await MikroORM.init({
    entities: [...entities],
    clientUrl: db.url,
    useBatchUpdates: false,
    extensions: [
      spillway({
        redis: sharedRedisUrl(),
        namespace,
        shards: 2,
        worker: false,
        tables: { ensure: true },
        leaveAfter: 0,
      }),
    ],
  });
  orms.push(orm);
  return orm;
}

async function nameIn(orm: MikroORM, of: Entity): Promise<string> {
  return (await orm.em.fork().findOneOrFail(of, 1)).name;
}

/** Whether the product comes from its copy: PostgreSQL has another name by then. */
async function isCopied(orm: MikroORM, product: Entity): Promise<boolean> {
  const real = await nameIn(orm, product);
  const set = async (name: string) => orm.em.getConnection().execute('update product set name = ?', [name]);
  await set(`not ${real}`);
  const seen = await nameIn(orm, product);
  await set(real);
  return seen === real;
}

/** Makes the tables and their rows. */
async function make(orm: MikroORM): Promise<void> {
  await orm.schema.create();
  for (const table of ['shelf', 'product'])
    await orm.em.getConnection().execute(`insert into ${table} (id, name) values (1, 'first')`);
}

/** By a release that has no cache for the product, so it tells nobody of this row. */
async function renameUntold(name: string): Promise<void> {
  const product = entity('Product', WriteThrough());
  const orm = await open(cached('Shelf'), product);
  await orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(product, 1)).name = name;
  });
}

test('is cached, and not read stale once a release without a cache writes it', async () => {
  await make(await open(cached('Shelf'), entity('Product', WriteThrough())));
  const [shelf, product] = [cached('Shelf'), cached('Product')];
  const late = await open(shelf);
  expect(await nameIn(late, shelf)).toBe('first');
  late.discoverEntity(product);
  await eventually(async () => expect(await isCopied(late, product)).toBe(true));
  await renameUntold('second');
  expect(await nameIn(late, product)).toBe('second');
});

test('is not read stale where a release without a cache has written it before', async () => {
  const known = cached('Product');
  const old = await open(cached('Shelf'), known);
  await make(old);
  await eventually(async () => expect(await isCopied(old, known)).toBe(true));
  await renameUntold('second');
  const [shelf, product] = [cached('Shelf'), cached('Product')];
  const late = await open(shelf);
  expect(await nameIn(late, shelf)).toBe('first');
  // It has just asked which copies may be believed, and did not know of the product.
  late.discoverEntity(product);
  expect(await nameIn(late, product)).toBe('second');
});
