import { defineEntity, p, wrap, type EntityManager } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const Album = defineEntity({ name: 'Album', properties: { id: p.integer().primary(), title: p.string() } });
/** Scalars only. */
const Seat = defineEntity({
  name: 'Seat',
  properties: {
    city: p.string().primary(),
    number: p.integer().primary(),
    price: p.integer().default(5),
    note: p.string().nullable(),
    version: p.integer().version(),
  },
});
/** A reference, and no version. */
const Track = defineEntity({
  name: 'Track',
  properties: {
    album: () => p.manyToOne(Album).primary(),
    number: p.integer().primary(),
    title: p.string().nullable(),
  },
});
/** A reference to a key of several columns, and a moment. */
const Visit = defineEntity({
  name: 'Visit',
  properties: {
    seat: () => p.manyToOne(Seat).primary(),
    at: p.datetime().length(3).primary(),
    guest: p.string().nullable(),
  },
});
for (const schema of [Album, Seat, Track, Visit]) WriteBehind()(schema.class as never);

let both: Twins;

beforeAll(async () => {
  both = await twins([Album, Seat, Track, Visit]);
  await both.same(async (em) =>
    em.insertMany(
      Album,
      [1, 2, 3].map((id) => ({ id, title: `a${id}` })),
    ),
  );
});

afterAll(async () => {
  await both[Symbol.asyncDispose]();
});

async function pending(): Promise<string[]> {
  return Object.keys((await Spillway.of(both.behind).status()).pending);
}

/** Runs calls on both, expects the same answers, that they were staged, and that the rows read and become the same. */
async function expectSame(
  entity: unknown,
  keys: readonly unknown[],
  step: (em: EntityManager) => Promise<unknown>,
  staged = true,
): Promise<void> {
  const read = async (): Promise<void> => {
    for (const key of keys) await both.same((em) => em.findOne(entity as never, key as never));
  };
  await both.same(step);
  expect((await pending()).length > 0).toBe(staged);
  await read();
  expect(await both.differences()).toEqual([]);
  await read();
}

describe('of rows that are named by a key of scalars', () => {
  test('em.insert() and em.insertMany() are staged, and answer as plain MikroORM does', async () => {
    await expectSame(
      Seat,
      [
        ['Bern', 1],
        ['Bern', 2],
        ['Rome', 1],
        ['Rome', 2],
      ],
      async (em) => [
        await em.insert(Seat, { city: 'Bern', number: 1, price: 10 }),
        await em.insert(em.create(Seat, { city: 'Bern', number: 2 } as never, { persist: false })),
        await em.insertMany(Seat, [
          { city: 'Rome', number: 1, note: 'aisle' },
          { city: 'Rome', number: 2, note: 'window' },
        ] as never),
      ],
    );
  });

  test('em.nativeUpdate() is staged, in every form of the key', async () => {
    await both.same(async (em) =>
      em.insertMany(
        Seat,
        [1, 2, 3, 4].map((number) => ({ city: 'Oslo', number })),
      ),
    );
    expect(await both.differences()).toEqual([]);
    await expectSame(
      Seat,
      [1, 2, 3, 4].map((number) => ['Oslo', number]),
      async (em) => [
        await em.nativeUpdate(Seat, { city: 'Oslo', number: 1 }, { price: 1 }),
        await em.nativeUpdate(Seat, ['Oslo', 2] as never, { note: 'two' }),
        await em.nativeUpdate(Seat, { $and: [{ city: 'Oslo' }, { number: 9 }] }, { price: 9 }),
        await em.nativeUpdate(
          Seat,
          [
            ['Oslo', 3],
            ['Oslo', 4],
            ['Oslo', 5],
          ] as never,
          { price: 3 },
        ),
      ],
    );
  });

  test('em.upsert() and em.upsertMany() are staged', async () => {
    await both.same(async (em) => em.insert(Seat, { city: 'Nice', number: 1, price: 1 }));
    const shown = (rows: readonly object[]) => rows.map((row) => ({ ...wrap(row).toPOJO(), version: 0 }));
    await both.same(async (em) =>
      shown([
        await em.upsert(Seat, { city: 'Nice', number: 1, price: 2 }),
        await em.upsert(Seat, { city: 'Nice', number: 2, price: 2 }),
        ...(await em.upsertMany(Seat, [
          { city: 'Nice', number: 2, price: 3 },
          { city: 'Nice', number: 3, price: 3 },
        ] as never)),
      ]),
    );
    expect(await pending()).toEqual(['Seat']);
    await both.same(async (em) => shown(await em.find(Seat, { city: 'Nice' }, { orderBy: { number: 1 } })));
    // An upsert raises the version of a row that exists, where MikroORM leaves it.
    const rows = 'select city, number, price from seat where city = ? order by number';
    expect(await both.behind.em.execute(rows, ['Nice'])).toEqual(await both.plain.em.execute(rows, ['Nice']));
    for (const orm of [both.behind, both.plain]) await orm.em.execute('delete from seat where city = ?', ['Nice']);
  });

  test('em.nativeDelete() is staged', async () => {
    await both.same(async (em) =>
      em.insertMany(
        Seat,
        [1, 2, 3].map((number) => ({ city: 'Wien', number })),
      ),
    );
    expect(await both.differences()).toEqual([]);
    await expectSame(
      Seat,
      [1, 2, 3].map((number) => ['Wien', number]),
      async (em) => [
        await em.nativeDelete(Seat, { city: 'Wien', number: 1 }),
        await em.nativeDelete(Seat, [
          ['Wien', 2],
          ['Wien', 7],
        ] as never),
      ],
    );
  });
});

describe('of rows that are named by a reference and a scalar', () => {
  test('all calls are staged', async () => {
    await expectSame(
      Track,
      [
        [1, 1],
        [1, 2],
        [2, 1],
      ],
      async (em) => [
        await em.insert(Track, { album: 1, number: 1, title: 'a' }),
        await em.insert(Track, { album: em.getReference(Album, 1), number: 2 }),
        await em.insertMany(Track, [{ album: 2, number: 1 }] as never),
      ],
    );
    await expectSame(
      Track,
      [
        [1, 1],
        [1, 2],
        [2, 1],
        [2, 2],
      ],
      async (em) => [
        await em.nativeUpdate(Track, { album: 1, number: 1 }, { title: 'b' }),
        await em.nativeUpdate(
          Track,
          [
            [1, 2],
            [2, 1],
          ] as never,
          { title: 'c' },
        ),
        wrap(await em.upsert(Track, { album: 2, number: 2, title: 'd' })).toPOJO(),
        await em.nativeDelete(Track, { album: 2, number: 1 }),
      ],
    );
  });
});

describe('of rows that are named by values which the call may give in other forms', () => {
  test('all calls go by SQL', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    await both.same(async (em) => em.insert(Seat, { city: 'Lyon', number: 1 }));
    await both.same(async (em) => em.insert(Visit, { seat: ['Lyon', 1], at, guest: 'Ann' }));
    expect(await pending()).toEqual([]);
    await both.same(async (em) => em.nativeUpdate(Visit, { seat: ['Lyon', 1], at }, { guest: 'Bea' }));
    await both.same(async (em) => em.find(Visit, {}));
  });
});
