import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

/** Belongs to the whole server, so no other test has it. */
const role = freshNamespace('tenant');
const Invoice = defineEntity({
  name: 'Invoice',
  rowLevelSecurity: true,
  policies: [
    {
      name: 'own',
      command: 'all',
      type: 'permissive',
      roles: [role],
      using: (columns) => `${columns.tenant} = current_setting('app.tenant', true)`,
      check: (columns) => `${columns.tenant} = current_setting('app.tenant', true)`,
    },
  ],
  properties: { id: p.integer().primary(), tenant: p.string(), text: p.string(), version: p.integer().version() },
});
const Order = defineEntity({
  name: 'Order',
  filters: {
    mine: { name: 'mine', cond: (args) => ({ tenant: args['tenant'] as string }), rls: true, default: false },
  },
  properties: { id: p.integer().primary(), tenant: p.string(), text: p.string() },
});
for (const schema of [Invoice, Order]) WriteBehind()(schema.class as never);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Invoice, Order],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.em.execute(`create role ${role}; grant ${role} to current_user`);
  await orm.schema.create();
  await orm.em.execute(`grant all on invoice, "order" to ${role}`);
});

afterAll(async () => {
  await orm.em.execute(`drop owned by ${role}; drop role ${role}`);
  await orm.close();
  await db.drop();
});

const pending = async () => (await Spillway.of(orm).status()).pending;

test('policies of a table hold for who is under a session context; the worker writes as the owner of the table', async () => {
  const em = orm.em.fork();
  em.create(Invoice, { id: 1, tenant: 'red', text: 'staged' });
  em.create(Invoice, { id: 2, tenant: 'blue', text: 'staged' });
  await em.flush();
  expect(await pending()).toEqual({ Invoice: 2 });
  await Spillway.of(orm).drain();
  const red = orm.em.fork({ session: { role, variables: { 'app.tenant': 'red' } } });
  expect((await red.find(Invoice, { id: { $in: [1, 2] } })).map(({ id }) => id)).toEqual([1]);
  (await red.findOneOrFail(Invoice, 1)).text = 'by SQL';
  await red.flush();
  expect(await pending()).toEqual({});
  red.create(Invoice, { id: 3, tenant: 'blue', text: 'not theirs' });
  await expect(red.flush()).rejects.toThrow(/row-level security/);
});

test('a filter that is a policy too puts its entity manager under a session context', async () => {
  const plain = orm.em.fork();
  plain.create(Order, { id: 1, tenant: 'red', text: 'staged' });
  await plain.flush();
  expect(await pending()).toEqual({ Order: 1 });
  const red = orm.em.fork();
  red.setFilterParams('mine', { tenant: 'red' });
  (await red.findOneOrFail(Order, 1, { filters: ['mine'] })).text = 'by SQL';
  await red.flush();
  expect(await pending()).toEqual({});
  expect(await orm.em.execute('select text from "order"')).toEqual([{ text: 'by SQL' }]);
});
