import type { MikroORM } from '@mikro-orm/postgresql';
import { database, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Customer, shopOrm } from './shop.js';

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await shopOrm(db.url, { worker: false });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

test('em.clone() copies the row with what is pending of it', async () => {
  const em = orm.em.fork();
  const customer = em.create(Customer, { name: 'Ada', since: new Date('1843-10-18') });
  await em.flush();
  const { id, since } = customer;
  const clone = await orm.em.fork().clone(Customer, { id }, { name: 'Grace' });
  expect(clone).toMatchObject({ name: 'Grace', since });
  expect(clone.id).not.toBe(id);
  expect(await orm.em.fork().findOneOrFail(Customer, id)).toMatchObject({ name: 'Ada', since });
});
