import type { MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Product, shopOrm } from './shop.js';

const CONNECTIONS = 2;
const NAMES = ['a', 'b', 'c'];

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  const settings = { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false } as const;
  orm = await shopOrm(db.url, settings, { pool: { max: CONNECTIONS } });
  await orm.schema.create();
  const em = orm.em.fork();
  for (const name of NAMES) em.create(Product, { name });
  await em.flush();
  await Spillway.of(orm).drain();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

test.each([1, 2])('a stream that is left after row %i gives its connection back', async (rows) => {
  for (let round = 0; round <= CONNECTIONS; round += 1) {
    let seen = 0;
    for await (const _ of orm.em.fork().stream(Product)) if (++seen === rows) break;
    expect(seen).toBe(rows);
  }
  expect(await orm.em.fork().count(Product)).toBe(NAMES.length);
});
