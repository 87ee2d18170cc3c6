import { defineEntity, p, type MikroORM } from '@mikro-orm/postgresql';
import { beforeEach, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { stagingOrm } from './staging-orm.js';

const properties = {
  id: p.integer().primary(),
  title: p.string(),
  tags: p.array().nullable(),
  data: p.json<unknown>().nullable(),
};
const Sheet = defineEntity({ name: 'Sheet', properties });
WriteBehind()(Sheet.class as never);

const world = stagingOrm([Sheet]);
let orm: MikroORM;

beforeEach(() => {
  orm = world.orm;
});

test('em.upsert() answers an array, and a text in JSON, that it does not set', async () => {
  const em = orm.em.fork();
  em.create(Sheet, { id: 1, title: 'old', tags: ['a', 'b c'], data: '5' });
  await em.flush();
  await Spillway.of(orm).drain();
  const sheet = await orm.em.fork().upsert(Sheet, { id: 1, title: 'new' });
  expect(sheet).toMatchObject({ title: 'new', tags: ['a', 'b c'], data: '5' });
});
