import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { freshNamespace, loggedDatabase, sharedRedisUrl, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const member = { id: p.integer().primary(), name: p.string() };
const Person = defineEntity({
  name: 'Person',
  properties: { ...member, groups: () => p.manyToMany(Group).mappedBy('people') },
});
const Group = defineEntity({
  name: 'Group',
  properties: { ...member, people: () => p.manyToMany(Person).inversedBy('groups') },
});
const PersonTwin = defineEntity({
  name: 'PersonTwin',
  properties: { ...member, groups: () => p.manyToMany(GroupTwin).mappedBy('people') },
});
const GroupTwin = defineEntity({
  name: 'GroupTwin',
  properties: { ...member, people: () => p.manyToMany(PersonTwin).inversedBy('groups') },
});
/** Plain, and owns a collection of rows that are written behind. */
const Club = defineEntity({ name: 'Club', properties: { ...member, people: () => p.manyToMany(Person) } });
for (const entity of [Person, Group]) WriteBehind()(entity.class as never);

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await MikroORM.init({
    entities: [Person, Group, PersonTwin, GroupTwin, Club],
    clientUrl: db.url,
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
  await Spillway.of(orm).start();
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const rows = (sql: string): Promise<Record<string, unknown>[]> => orm.em.getConnection().execute(sql);

type Pair = readonly [typeof Group, typeof Person];
const PAIRS: readonly (readonly [Pair, string, string])[] = [
  [[GroupTwin, PersonTwin] as unknown as Pair, 'group_twin', 'person_twin'],
  [[Group, Person], 'group', 'person'],
];

/** What is in the tables after the program, for the plain pair and for the one that is written behind. */
async function onBoth(program: (em: EntityManager, pair: Pair) => Promise<unknown>): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const [pair, group, person] of PAIRS) {
    const answer = await program(orm.em.fork(), pair);
    await Spillway.of(orm).drain();
    const pivot = await rows(`select ${group}_id as g, ${person}_id as p from "${group}_people" order by 1, 2`);
    results.push({ answer, pivot, groups: await rows(`select * from "${group}" order by id`) });
  }
  expect(await Spillway.of(orm).deadLetters.list()).toEqual([]);
  return results;
}

describe('an entity that owns a many-to-many relation', () => {
  test('changes the collection as in plain MikroORM, with members that are staged: adds, removes, sets, and is removed', async () => {
    const [plain, behind] = await onBoth(async (em, [group, person]) => {
      for (const id of [1, 2, 3, 4]) em.create(person, { id, name: `p${id}` });
      await em.flush();
      const chess = em.create(group, { id: 1, name: 'chess' });
      chess.people.add(em.getReference(person, 1), em.getReference(person, 2));
      em.create(group, { id: 2, name: 'empty' });
      await em.flush();
      const loaded = await em.fork().findOneOrFail(group, 1, { populate: ['people'] });
      const other = em.fork();
      const again = await other.findOneOrFail(group, 1, { populate: ['people'] });
      again.people.remove(again.people[0] as never);
      again.people.add(other.create(person, { id: 5, name: 'new' }));
      again.name = 'chess club';
      await other.flush();
      again.people.set([other.getReference(person, 3), other.getReference(person, 5)]);
      await other.flush();
      const last = em.fork();
      const gone = last.create(group, { id: 3, name: 'gone' });
      gone.people.add(last.getReference(person, 4));
      await last.flush();
      await last.remove(gone).flush();
      return loaded.people.getIdentifiers();
    });
    expect(behind).toEqual(plain);
  });

  test('finds its row and its members written where a flush in a transaction changes nothing but the collection', async () => {
    const [plain, behind] = await onBoth(async (em, [group, person]) => {
      const owner = em.create(group, { id: 70, name: 'pending' });
      em.create(person, { id: 70, name: 'p70' });
      await em.flush();
      await em.transactional(async (inner) => {
        owner.people.add(inner.getReference(person, 70));
        await inner.flush();
      });
    });
    expect(behind).toEqual(plain);
  });

  test('is staged where its collection does not change', async () => {
    const em = orm.em.fork();
    const statements = await db.statements.during(async () => {
      const group = em.create(Group, { id: 10, name: 'staged' });
      await em.flush();
      group.name = 'still staged';
      await em.flush();
    });
    expect(statements).toEqual([]);
  });

  test('is populated, from either side and in every strategy, with what is pending of its members', async () => {
    const em = orm.em.fork();
    const ada = em.create(Person, { id: 20, name: 'Ada' });
    em.create(Group, { id: 20, name: 'readers' }).people.add(ada);
    await em.flush();
    ada.name = 'Ada, staged';
    await em.flush();
    for (const strategy of ['joined', 'select-in'] as const) {
      const group = await orm.em.fork().findOneOrFail(Group, 20, { populate: ['people'], strategy });
      expect(group.people.getItems().map(({ name }) => name)).toEqual(['Ada, staged']);
      const person = await orm.em.fork().findOneOrFail(Person, 20, { populate: ['groups'], strategy });
      expect(person.groups.getItems().map(({ name }) => name)).toEqual(['readers']);
      ada.name = 'Ada, staged again';
      await em.flush();
      const found = await orm.em.fork().find(Group, { people: { name: 'Ada, staged again' } }, { strategy });
      expect(found.map(({ id }) => id)).toEqual([20]);
      ada.name = 'Ada, staged';
      await em.flush();
    }
    const lazily = await orm.em.fork().findOneOrFail(Group, 20);
    expect((await lazily.people.loadItems()).map(({ name }) => name)).toEqual(['Ada, staged']);
  });

  test('is written by em.insert() and em.nativeUpdate() that name members', async () => {
    const em = orm.em.fork();
    await em.insertMany(Person, [
      { id: 30, name: 'a' },
      { id: 31, name: 'b' },
    ]);
    await em.insert(Group, { id: 30, name: 'by insert', people: [30] });
    await em.nativeUpdate(Group, { id: 30 }, { name: 'by update', people: [31] });
    expect(await rows('select group_id, person_id from group_people where group_id = 30')).toEqual([
      { group_id: 30, person_id: 31 },
    ]);
  });
});

test('a plain entity owns a collection of staged rows', async () => {
  const em = orm.em.fork();
  const person = em.create(Person, { id: 40, name: 'member' });
  await em.flush();
  const club = em.create(Club, { id: 40, name: 'club' });
  club.people.add(person);
  await em.flush();
  person.name = 'member, staged';
  await em.flush();
  const found = await orm.em.fork().findOneOrFail(Club, 40, { populate: ['people'] });
  expect(found.people.getItems().map(({ name }) => name)).toEqual(['member, staged']);
});
