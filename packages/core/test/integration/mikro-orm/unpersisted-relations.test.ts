import { defineEntity, p } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Hall = defineEntity({
  name: 'Hall',
  properties: { id: p.integer().primary(), title: p.string() },
});
/** Refer by a scalar; the relation beside it is for reading. */
const references = { id: p.integer().primary(), hallId: p.integer() };
const hall = () => p.manyToOne(Hall).persist(false).joinColumn('hall_id');
/** Plain. */
const Remark = defineEntity({ name: 'Remark', properties: { ...references, hall } });
const Concert = defineEntity({ name: 'Concert', properties: { ...references, hall } });
WriteBehind()(Hall.class);
// A row that comes before the one that it refers to is a dead letter at once.
WriteBehind({ retry: { attempts: 1 } })(Concert.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Hall, Remark, Concert]);
  for (const orm of [both.behind, both.plain])
    for (const table of ['remark', 'concert'])
      await orm.em.execute(`alter table ${table} add foreign key (hall_id) references hall`);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/** A new hall that nobody has written yet, unless something has to. */
async function hallIsPending(id: number): Promise<void> {
  await both.same(async (em) => {
    em.create(Hall, { id, title: 'new' });
    await em.flush();
  });
  expect((await Spillway.of(both.behind).status()).pending).toEqual({ Hall: 1 });
}

test('a plain entity that refers by the scalar of a relation which is not persisted finds the row written', async () => {
  await hallIsPending(1);
  await both.same(async (em) => {
    em.create(Remark, { id: 1, hallId: 1 } as never);
    await em.flush();
  });
  await hallIsPending(2);
  await both.same(async (em) => {
    Object.assign(await em.findOneOrFail(Remark, 1), { hallId: 2 });
    await em.flush();
  });
  await hallIsPending(3);
  await both.same(async (em) => em.nativeUpdate(Remark, { id: 1 }, { hallId: 3 }));
  await hallIsPending(4);
  await both.same(async (em) => em.insert(Remark, { id: 2, hallId: 4 }));
  await both.same((em) => em.find(Remark, {}, { populate: ['hall'] as never, orderBy: { id: 1 } }));
  expect(await both.differences()).toEqual([]);
});

test('a staged row that does waits for the row that it refers to', async () => {
  const numbers = Array.from({ length: 40 }, (_, index) => 100 + index);
  await both.same(async (em) => {
    for (const number of numbers) {
      em.create(Hall, { id: number, title: 'new' });
      em.create(Concert, { id: number, hallId: number } as never);
    }
    await em.flush();
  });
  expect((await Spillway.of(both.behind).status()).pending).toEqual({ Hall: 40, Concert: 40 });
  expect(await both.differences()).toEqual([]);
});
