import { defineEntity, p, wrap, type EntitySchema } from '@mikro-orm/postgresql';
import { describe, test } from 'vitest';
import { twinFamilies } from './twins.js';

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

const both = twinFamilies(family);

const found = async (entity: EntitySchema, where: object, options: object = {}): Promise<unknown> =>
  (await both.orm.em.fork().find(entity, where, options)).map((person) => wrap(person).toObject());

describe('the inverse side of a one-to-one relation, whose key MikroORM reads by a join', () => {
  test('is seen by a look-up while its owner is pending, and no longer when the owner is removed', async () => {
    await both.expectSame(async (em, { Person, Passport }, see) => {
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
    await both.expectSame(async (em, { Person, Passport }, see) => {
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
  await both.expectSame(async (em, { Person }, see) => {
    const person = em.create(Person, { id: 20, name: 'Ann' });
    Object.assign(person, { mentor: person });
    await em.flush();
    const other = both.orm.em.fork();
    Object.assign(await other.findOneOrFail(Person, 20), { mentor: undefined });
    await other.flush();
    see(await found(Person, { id: 20 }));
  });
});
