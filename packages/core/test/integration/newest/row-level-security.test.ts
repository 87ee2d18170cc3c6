import { RequestContext, type MikroORM } from '@mikro-orm/postgresql';
import { database, freshNamespace, type Database } from '@spillway/test-support';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { Product, shopOrm } from '../mikro-orm/shop.js';

/** Belongs to the whole server, so no other test has it. */
const role = freshNamespace('tenant');
let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await shopOrm(db.url, { worker: false });
  await orm.schema.create();
  await orm.em.execute(
    `create role ${role}; grant ${role} to current_user; grant all on product to ${role}; alter table product enable row level security;
     create policy own on product using (name like current_setting('app.tenant') || '%')`,
  );
});

afterAll(async () => {
  await orm.em.execute(`drop owned by ${role}; drop role ${role}`);
  await orm.close();
  await db.drop();
});

function tenant(name: string): MikroORM['em'] {
  return orm.em.fork({ session: { role, variables: { 'app.tenant': name } } });
}

test('a flush under a session context is written by SQL, where its policies decide', async () => {
  const em = tenant('red');
  em.create(Product, { name: 'red teapot' });
  await em.flush();
  expect((await Spillway.of(orm).status()).pending).toEqual({});
  expect(await orm.em.execute('select name from product')).toEqual([{ name: 'red teapot' }]);
  const other = tenant('red');
  other.create(Product, { name: 'blue teapot' });
  await expect(other.flush()).rejects.toThrow(/row-level security/);
});

test('a look-up under a session context sees what its policies admit, and nothing that is pending besides', async () => {
  const em = orm.em.fork();
  const product = em.create(Product, { name: 'green cup' });
  await em.flush();
  expect(await tenant('red').findOne(Product, product.id)).toBeNull();
  product.name = 'green mug';
  await em.flush();
  expect(await tenant('red').find(Product, { id: product.id })).toEqual([]);
  expect((await tenant('green').findOneOrFail(Product, product.id)).name).toBe('green mug');
});

test('a call past the unit of work under a session context goes by SQL, and to the rows that its policies admit', async () => {
  const [grey, blue] = [{ id: randomUUID() }, { id: randomUUID() }];
  await tenant('grey').insert(Product, { ...grey, name: 'grey pan' });
  await orm.em.fork().insert(Product, { ...blue, name: 'blue pan' });
  expect(await tenant('grey').nativeUpdate(Product, { id: [grey.id, blue.id] }, { name: 'grey pot' })).toBe(1);
  await expect(tenant('grey').insert(Product, { id: randomUUID(), name: 'blue pot' })).rejects.toThrow(
    /row-level security/,
  );
  expect((await tenant('grey').upsert(Product, { ...grey, name: 'grey kettle' })).name).toBe('grey kettle');
  expect(await tenant('grey').nativeDelete(Product, blue)).toBe(0);
  expect((await Spillway.of(orm).status()).pending).toEqual({});
  expect(await orm.em.execute('select name from product where id in (?, ?) order by name', [grey.id, blue.id])).toEqual(
    [{ name: 'blue pan' }, { name: 'grey kettle' }],
  );
});

test('so does one where every connection is given the session context', async () => {
  const other = await shopOrm(db.url, { worker: false }, { sessionContext: 'connection' });
  await RequestContext.create(other.em, async () => {
    other.em.setSessionContext({ role, variables: { 'app.tenant': 'grey' } });
    await expect(other.em.insert(Product, { id: randomUUID(), name: 'blue pot' })).rejects.toThrow(
      /row-level security/,
    );
    await expect(other.em.upsert(Product, { id: randomUUID(), name: 'blue pot' })).rejects.toThrow(
      /row-level security/,
    );
  });
  expect((await Spillway.of(other).status()).pending).toEqual({});
  await other.close();
});
