import { defineEntity, MikroORM, p, wrap, type EntitySchema } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spillway, WriteBehind } from '../../../src/index.js';
import { runOnTwins, type Program } from './twins.js';

function family(prefix: string) {
  const Person: EntitySchema = defineEntity({
    name: `${prefix}Person`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      passport: () => p.oneToOne(Passport).mappedBy('holder').nullable(),
      mentor: () => p.manyToOne(Person).nullable(),
    },
  });
  const Passport: EntitySchema = defineEntity({
    name: `${prefix}Passport`,
    properties: { id: p.integer().primary(), holder: () => p.oneToOne(Person).owner().inversedBy('passport') },
  });
  return { Person, Passport };
}

const behind = family('Behind');
const twin = family('Twin');
for (const entity of Object.values(behind)) WriteBehind()(entity.class as never);

let db: Database;
let orm: MikroORM;

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [...Object.values(behind), ...Object.values(twin)],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

async function expectSame(program: Program<ReturnType<typeof family>>): Promise<void> {
  const { staged, plain, dead } = await runOnTwins(orm, { behind, twin }, program);
  expect(staged).toEqual(plain);
  expect(dead).toEqual([]);
}

const found = async (entity: EntitySchema, where: object, options: object = {}): Promise<unknown> =>
  (await orm.em.fork().find(entity, where, options)).map((person) => wrap(person).toObject());

describe('the inverse side of a one-to-one relation, whose key MikroORM reads by a join', () => {
  test('is seen by a look-up while its owner is pending, and no longer when the owner is removed', async () => {
    await expectSame(async (em, { Person, Passport }, see) => {
      const person = em.create(Person, { id: 1, name: 'Ann' });
      const passport = em.create(Passport, { id: 7, holder: person });
      await em.flush();
      see(await found(Person, { id: 1 }));
      see(await found(Person, { id: { $in: [1, 2] } }));
      em.remove(passport);
      await em.flush();
      see(await found(Person, { id: 1 }));
    });
  });

  test('is seen on rows that are populated or found by criteria', async () => {
    await expectSame(async (em, { Person, Passport }, see) => {
      const person = em.create(Person, { id: 2, name: 'Bob' });
      em.create(Person, { id: 3, name: 'Cid', mentor: person });
      await em.flush();
      em.create(Passport, { id: 8, holder: person });
      await em.flush();
      see(await found(Person, { name: 'Cid' }, { populate: ['mentor'] }));
      em.create(Passport, { id: 9, holder: em.getReference(Person, 3) });
      await em.flush();
      see(await found(Person, { name: 'Cid' }));
    });
  });
});

test('a reference that is set to undefined is null afterwards, as MikroORM writes it', async () => {
  await expectSame(async (em, { Person }, see) => {
    const person = em.create(Person, { id: 20, name: 'Ann' });
    Object.assign(person, { mentor: person });
    await em.flush();
    const other = orm.em.fork();
    Object.assign(await other.findOneOrFail(Person, 20), { mentor: undefined });
    await other.flush();
    see(await found(Person, { id: 20 }));
  });
});
