import { defineEntity, p, raw, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import { beforeEach, describe, test } from 'vitest';
import { fresh, twinFamilies } from './twins.js';

/** What MikroORM puts off to the end of a flush: it then stands neither in the change sets nor in the entity. */
function family(prefix: string) {
  const Car: EntitySchema = defineEntity({
    name: `${prefix}Car`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      next: () => p.manyToOne(Car).nullable(),
      drivers: () => p.manyToMany(Driver).mappedBy('cars'),
    },
  });
  const Driver: EntitySchema = defineEntity({
    name: `${prefix}Driver`,
    properties: {
      id: p.integer().primary(),
      name: p.string(),
      car: () => p.manyToOne(Car).nullable(),
      cars: () => p.manyToMany(Car).inversedBy('drivers'),
      friends: () => p.manyToMany(Driver),
    },
  });
  /** Its place is unique, so that two of them cannot swap theirs in one statement each. */
  const Desk: EntitySchema = defineEntity({
    name: `${prefix}Desk`,
    properties: { id: p.integer().primary(), car: () => p.oneToOne(Car).owner().nullable() },
  });
  const Seat: EntitySchema = defineEntity({
    name: `${prefix}Seat`,
    properties: {
      id: p.integer().primary(),
      number: p.integer().nullable().unique(),
      code: p.string().nullable().unique(),
      version: p.integer().version(),
    },
  });
  return { Car, Driver, Desk, Seat };
}

type Family = ReturnType<typeof family>;
interface Driver {
  car: object;
  cars: { add(...cars: object[]): void };
  friends: { add(...friends: object[]): void };
}

const FAMILIES = [
  ['written behind', twinFamilies(family)],
  ['of a plain entity', twinFamilies(family, (name) => (name === 'Car' ? {} : undefined))],
  ['with plain members', twinFamilies(family, (name) => (name === 'Car' ? undefined : {}))],
] as const;

let base = 0;
beforeEach(() => void (base += 10));

type Program = (em: EntityManager, entities: Family) => Promise<void>;
/** How the flush of a program runs. */
const WAYS: readonly (readonly [string, (em: EntityManager, act: (em: EntityManager) => Promise<void>) => unknown])[] =
  [
    ['a flush', (em, act) => act(em)],
    ['a transaction', (em, act) => em.transactional(act)],
    ['a transaction that holds', (em, act) => em.transactional(act, { spillway: 'stage' })],
  ];

const newDriver = (em: EntityManager, { Driver }: Family, id = base): Driver =>
  em.create(Driver, { id, name: `d${id}` } as never) as Driver;
/** The flush meets it by the relations of others. */
const newCar = (em: EntityManager, { Car }: Family, id = base): object =>
  em.create(Car, { id, name: `c${id}` } as never, { persist: false });

const PROGRAMS: Readonly<Record<string, Program>> = {
  'a new car that is also the only one': async (em, entities) => {
    const [driver, car] = [newDriver(em, entities), newCar(em, entities)];
    driver.car = car;
    driver.cars.add(car);
    await em.flush();
  },
  'a new car beside one that was new before': async (em, entities) => {
    const [driver, car] = [newDriver(em, entities), newCar(em, entities)];
    driver.car = car;
    driver.cars.add(em.getReference(entities.Car, base + 1), car);
    await em.flush();
  },
  'a new car that a driver who was new before is assigned': async (em, entities) => {
    const driver = await em.findOneOrFail(entities.Driver, base + 1, { populate: ['cars'] as never });
    const car = newCar(em, entities);
    em.assign(driver, { car, cars: [car] } as never);
    await em.flush();
  },
  itself: async (em, entities) => {
    const driver = newDriver(em, entities);
    driver.friends.add(driver);
    await em.flush();
  },
  'a friend who has it for a friend': async (em, entities) => {
    const [one, other] = [newDriver(em, entities), newDriver(em, entities, base + 2)];
    one.friends.add(other, em.getReference(entities.Driver, base + 1));
    other.friends.add(one);
    await em.flush();
  },
  'a new car that follows itself': async (em, entities) => {
    const [driver, car] = [newDriver(em, entities), newCar(em, entities)];
    Object.assign(car, { next: car });
    driver.car = car;
    driver.cars.add(car);
    await em.flush();
  },
};

describe.each(FAMILIES)('a collection %s that MikroORM puts off', (_which, both) => {
  test.each(
    WAYS.flatMap(([way, run]) => Object.entries(PROGRAMS).map(([what, program]) => [way, what, run, program] as const)),
  )('is written by %s that adds %s', async (_way, _what, run, program) => {
    await both.expectSame(async (em, entities) => {
      newDriver(em, entities, base + 1);
      em.persist(newCar(em, entities, base + 1));
      await em.flush();
      await run(em.fork(), (inner) => program(inner, entities));
    });
  });
});

describe.each(FAMILIES)('a unique reference %s that MikroORM puts off', (_which, both) => {
  test.each(WAYS)('finds the row written that it refers to, in %s', async (_way, run) => {
    await both.expectSame(async (em, entities) => {
      const { Desk, Car } = entities;
      for (const id of [base, base + 1, base + 2]) em.persist(newCar(em, entities, id));
      await em.flush();
      em.create(Desk, { id: base, car: base } as never);
      em.create(Desk, { id: base + 1, car: base + 1 } as never);
      await em.flush();
      em.persist(newCar(em, entities, base + 3));
      await em.flush();
      await run(em.fork(), async (inner) => {
        const [first, second] = await inner.find(Desk, { id: { $in: [base, base + 1] } }, { orderBy: { id: 'asc' } });
        Object.assign(first as object, { car: inner.getReference(Car, base + 2) });
        Object.assign(second as object, { car: inner.getReference(Car, base + 3) });
        await inner.flush();
      });
    });
  });
});

describe.each(WAYS)('unique values that MikroORM puts off, in %s,', (_way, run) => {
  const [[, both]] = FAMILIES;
  const CHANGES: Readonly<Record<string, (em: EntityManager, entities: Family) => Promise<void>>> = {
    'of a row that was never loaded': async (em, { Seat }) => {
      Object.assign(await em.findOneOrFail(Seat, base), { number: base + 5 });
      Object.assign(em.getReference(Seat, base + 1), { number: base + 6 });
    },
    'that are SQL': async (em, { Seat }) => {
      Object.assign(await em.findOneOrFail(Seat, base), { code: `new${base}` });
      Object.assign(await em.findOneOrFail(Seat, base + 1), { code: raw('? || ?', ['made', base]) });
    },
    'of two properties at once': async (em, { Seat }) => {
      Object.assign(await em.findOneOrFail(Seat, base), { number: base + 5, code: null });
      Object.assign(await em.findOneOrFail(Seat, base + 1), { number: base + 6, code: `more${base}` });
    },
    'that pass from one row to another': async (em, { Seat }) => {
      Object.assign(await em.findOneOrFail(Seat, base), { number: null });
      Object.assign(await em.findOneOrFail(Seat, base + 1), { number: base });
    },
  };
  test.each(Object.entries(CHANGES))('%s are written as in plain MikroORM', async (_what, change) => {
    await both.expectSame(async (em, entities, see) => {
      for (const more of [0, 1]) {
        const id = base + more;
        em.create(entities.Seat, { id, number: id, code: `c${base}.${more}` } as never);
      }
      await em.flush();
      await run(em.fork(), async (inner) => {
        await change(inner, entities);
        await inner.flush();
      });
      for (const more of [0, 1]) see(await fresh(both.orm, entities.Seat, base + more));
    });
  });
});
