import { defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Address = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: { city: p.string(), zip: p.string().nullable() },
});
const Person = defineEntity({
  name: 'Person',
  properties: {
    id: p.integer().primary(),
    home: () => p.embedded(Address).nullable(),
    work: () => p.embedded(Address).object().nullable(),
  },
});
const Animal = defineEntity({
  name: 'Animal',
  discriminatorColumn: 'kind',
  properties: { id: p.integer().primary(), kind: p.string(), name: p.string() },
});
const Dog = defineEntity({
  name: 'Dog',
  extends: Animal,
  discriminatorValue: 'dog',
  properties: { tricks: p.integer().nullable() },
});
const Bill = defineEntity({
  name: 'Bill',
  properties: {
    id: p.integer().primary(),
    amount: p.integer(),
    label: p.string().defaultRaw(`upper('bill')`),
  },
});
const Guarded = defineEntity({
  name: 'Guarded',
  properties: { id: p.integer().primary(), note: p.string().concurrencyCheck() },
});
for (const entity of [Person, Animal, Bill, Guarded]) WriteBehind()(entity.class as never);

describe('a call past the unit of work, of an entity that a plain object does not describe', () => {
  let pair: Twins;

  beforeAll(async () => {
    pair = await twins([Address, Person, Animal, Dog, Bill, Guarded]);
  });

  afterAll(async () => pair[Symbol.asyncDispose]());

  /** By SQL means that nothing of it stays behind, and that what was pending of the row came before it. */
  async function sameBySql(call: (em: EntityManager) => Promise<unknown>): Promise<void> {
    await pair.same(call);
    expect((await Spillway.of(pair.behind).status()).pending).toEqual({});
  }

  test('with embeddables goes by SQL, after what is pending of its row', async () => {
    await sameBySql((em) => em.insert(Person, { id: 1, home: { city: 'Ulm' }, work: { city: 'Bonn', zip: '53' } }));
    await pair.same((em) =>
      em
        .findOneOrFail(Person, 1)
        .then((person) => em.assign(person, { home: { city: 'Hof' } }))
        .then(() => em.flush()),
    );
    await sameBySql((em) => em.nativeUpdate(Person, { id: 1 }, { home: { city: 'Jena' } }));
    await sameBySql((em) => em.upsert(Person, { id: 2, home: { city: 'Trier' } }).then(({ id }) => id));
    await pair.same((em) => em.find(Person, { id: [1, 2] }, { orderBy: { id: 1 } }));
    expect(await pair.differences()).toEqual([]);
  });

  test('of single-table inheritance goes by SQL', async () => {
    await sameBySql((em) => em.insert(Dog, { id: 1, kind: 'dog', name: 'Rex', tricks: 2 } as never));
    await sameBySql((em) => em.nativeUpdate(Dog, { id: 1 }, { tricks: 3 }));
    await pair.same((em) => em.findOne(Animal, 1));
    expect(await pair.differences()).toEqual([]);
  });

  test('with a value that only the database makes goes by SQL', async () => {
    await sameBySql((em) => em.insert(Bill, { id: 1, amount: 4 }));
    await sameBySql((em) => em.nativeUpdate(Bill, { id: 1 }, { amount: 5 }));
    expect(await pair.differences()).toEqual([]);
  });

  test('with concurrencyCheck goes by SQL', async () => {
    await sameBySql((em) => em.insert(Guarded, { id: 1, note: 'a' }));
    await sameBySql((em) => em.nativeUpdate(Guarded, 1, { note: 'b' }));
    await sameBySql((em) => em.nativeDelete(Guarded, { id: 1 }));
    expect(await pair.differences()).toEqual([]);
  });
});
