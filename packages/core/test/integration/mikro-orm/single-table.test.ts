import { defineEntity, p } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Owner = defineEntity({ name: 'Owner', properties: { id: p.integer().primary(), name: p.string() } });
const Animal = defineEntity({
  name: 'Animal',
  abstract: true,
  discriminatorColumn: 'kind',
  properties: { id: p.integer().primary(), kind: p.string(), name: p.string(), version: p.integer().version() },
});
const Dog = defineEntity({
  name: 'Dog',
  extends: Animal,
  discriminatorValue: 'dog',
  properties: { bark: p.string().nullable(), owner: () => p.manyToOne(Owner).nullable() },
});
const Puppy = defineEntity({
  name: 'Puppy',
  extends: Dog,
  discriminatorValue: 'puppy',
  properties: { toy: p.string().nullable() },
});
/** In the middle, and of no row's class. */
const Bird = defineEntity({
  name: 'Bird',
  extends: Animal,
  abstract: true,
  properties: { wings: p.integer().nullable() },
});
const Owl = defineEntity({
  name: 'Owl',
  extends: Bird,
  discriminatorValue: 'owl',
  properties: { prey: p.string().nullable() },
});
const Swan = defineEntity({ name: 'Swan', extends: Bird, discriminatorValue: 'swan', properties: {} });
const Cat = defineEntity({
  name: 'Cat',
  extends: Animal,
  discriminatorValue: 'cat',
  properties: { lives: p.integer().default(9), friend: () => p.manyToOne(Dog).nullable() },
});
const Collar = defineEntity({
  name: 'Collar',
  properties: { id: p.integer().primary(), dog: () => p.manyToOne(Dog) },
});
/** Told apart by a property of another name than its column, and by a map of values. */
const Vehicle = defineEntity({
  name: 'Vehicle',
  discriminator: 'sort',
  discriminatorMap: { v: 'Vehicle', c: 'Car' },
  properties: { id: p.integer().primary(), sort: p.string().fieldName('sort_of'), wheels: p.integer().nullable() },
} as never) as typeof Owner;
const Car = defineEntity({ name: 'Car', extends: Vehicle, properties: { doors: p.integer().nullable() } });
for (const schema of [Owner, Animal, Collar, Vehicle]) WriteBehind()(schema.class as never);

const ALL = [Animal, Dog, Puppy, Bird, Owl, Swan, Cat];
let both: Twins;

beforeAll(async () => {
  both = await twins([Owner, ...ALL, Collar, Vehicle, Car]);
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

/** Every class looks for every row by key, in all forms; once while it is staged, once when it is written. */
async function readAll(...ids: number[]): Promise<unknown[]> {
  const read = async (): Promise<void> => {
    for (const entity of ALL) {
      for (const id of ids) await both.same((em) => em.findOne(entity as never, id));
      await both.same(async (em) => {
        const found: { id: number }[] = await em.find(entity as never, { id: { $in: ids } });
        return found.toSorted((a, b) => a.id - b.id);
      });
    }
  };
  await read();
  const differences = await both.differences();
  await read();
  await both.same((em) => em.find(Animal as never, {}, { orderBy: { id: 'asc' } as never }));
  return differences;
}

describe('classes that share a table', () => {
  test('are staged together, and each class finds its own rows', async () => {
    await both.same(async (em) => {
      const owner = em.create(Owner, { id: 1, name: 'Ann' });
      const dog = em.create(Dog, { id: 1, name: 'Rex', bark: 'woof', owner } as never);
      em.create(Puppy, { id: 2, name: 'Bo', toy: 'ball' } as never);
      em.create(Cat, { id: 3, name: 'Tom', friend: dog } as never);
      em.create(Collar, { id: 1, dog } as never);
      await em.flush();
    });
    expect(Object.keys((await Spillway.of(both.behind).status()).pending).toSorted()).toEqual([
      'Animal',
      'Collar',
      'Owner',
    ]);
    expect(await readAll(1, 2, 3)).toEqual([]);
  });

  test('are updated together, staged and written', async () => {
    await both.same(async (em) => {
      const animals = await em.find(Animal as never, { id: { $in: [1, 2, 3] } });
      for (const animal of animals as { name: string }[]) animal.name += '!';
      for (const dog of animals as { bark?: string; constructor: { name: string } }[])
        if (dog.constructor.name !== 'Cat') dog.bark = 'wuff';
      await em.flush();
    });
    expect(await readAll(1, 2, 3)).toEqual([]);
  });

  test('replace each other under one key', async () => {
    await both.same(async (em) => {
      em.create(Cat, { id: 10, name: 'Kit', lives: 7 } as never);
      await em.flush();
    });
    expect(await both.differences()).toEqual([]);
    await both.same(async (em) => {
      em.remove(await em.findOneOrFail(Cat as never, 10));
      await em.flush();
    });
    expect(await both.behind.em.fork().findOne(Animal as never, 10)).toBeNull();
    const em = both.behind.em.fork();
    em.create(Dog, { id: 10, name: 'Rover' } as never);
    await em.flush();
    expect(await both.behind.em.fork().findOne(Cat as never, 10)).toBeNull();
    expect(await both.behind.em.fork().findOne(Dog as never, 10)).toMatchObject({ name: 'Rover' });
    await Spillway.of(both.behind).drain(Dog);
    expect(await both.behind.em.fork().findOne(Dog as never, 10)).toMatchObject({ name: 'Rover' });
    await both.behind.em.fork().nativeDelete(Animal as never, { id: 10 });
  });

  test('are found by an abstract class in the middle of them', async () => {
    await both.same(async (em) => {
      em.create(Owl, { id: 30, name: 'Hoot', prey: 'mouse', wings: 2 } as never);
      em.create(Swan, { id: 31, name: 'Swen', wings: 2 } as never);
      em.create(Dog, { id: 32, name: 'Bello' } as never);
      await em.flush();
    });
    expect(await readAll(30, 31, 32)).toEqual([]);
    await both.same(async (em) => {
      Object.assign(await em.findOneOrFail(Owl as never, 30), { prey: 'vole', wings: 1 });
      await em.flush();
    });
    expect(Object.keys((await Spillway.of(both.behind).status()).pending)).toEqual(['Animal']);
    expect(await readAll(30, 31, 32)).toEqual([]);
    await both.same((em) => em.find(Bird as never, { wings: { $gt: 0 } }, { orderBy: { id: 1 } as never }));
    await both.same((em) => em.count(Bird as never));
  });

  test('may be told apart by a map of values, and a property with a column of its own', async () => {
    await both.same(async (em) => {
      em.create(Vehicle, { id: 1, wheels: 2 } as never);
      em.create(Car, { id: 2, doors: 5 } as never);
      await em.flush();
    });
    expect(Object.keys((await Spillway.of(both.behind).status()).pending)).toEqual(['Vehicle']);
    const read = async (): Promise<void> => {
      for (const entity of [Vehicle, Car])
        for (const id of [1, 2]) await both.same((em) => em.findOne(entity as never, id));
    };
    await read();
    expect(await both.differences()).toEqual([]);
    await read();
  });

  test('are laid over rows that queries find, class by class', async () => {
    await both.same(async (em) => {
      em.create(Dog, { id: 40, name: 'Ace', bark: 'low' } as never);
      em.create(Puppy, { id: 41, name: 'Ace', toy: 'bone' } as never);
      em.create(Cat, { id: 42, name: 'Ace' } as never);
      await em.flush();
    });
    expect(await both.differences()).toEqual([]);
    await both.same(async (em) => {
      for (const animal of await em.find(Animal as never, { id: { $in: [40, 41, 42] } }))
        Object.assign(animal, { version: Reflect.get(animal, 'version') as number, name: 'Ace' });
      Object.assign(await em.findOneOrFail(Dog as never, 40), { bark: 'loud' });
      Object.assign(await em.findOneOrFail(Puppy as never, 41), { toy: 'ball' });
      Object.assign(await em.findOneOrFail(Cat as never, 42), { lives: 8 });
      await em.flush();
    });
    const ace = { name: 'Ace' } as never;
    const laidOver = { spillway: 'overlay', orderBy: { id: 1 } } as never;
    for (const entity of ALL) await both.same((em) => em.find(entity as never, ace, laidOver));
    expect((await Spillway.of(both.behind).status()).pending).toEqual({ Animal: 3 });
    expect(await both.differences()).toEqual([]);
  });

  test('a row that becomes one of another class is written by SQL', async () => {
    await both.same(async (em) => {
      em.create(Dog, { id: 20, name: 'Max' } as never);
      await em.flush();
      Object.assign(await em.findOneOrFail(Dog as never, { id: 20 }), { kind: 'puppy' });
      await em.flush();
    });
    expect(await readAll(20)).toEqual([]);
  });

  test('are counted and dropped by the name of any of them', async () => {
    await both.same(async (em) => {
      em.remove(await em.findOneOrFail(Cat as never, 3));
      await em.flush();
      return em.count(Animal as never);
    });
    expect(await readAll(1, 2, 3)).toEqual([]);
  });
});
