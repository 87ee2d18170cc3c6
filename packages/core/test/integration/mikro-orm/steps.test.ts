import { defineEntity, LockMode, p, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { twins, type Twins } from './twin-orm.js';

const retry = { attempts: 1 } as const;

const Seat: EntitySchema = defineEntity({
  name: 'Seat',
  properties: {
    id: p.integer().primary(),
    code: p.string().nullable().unique(),
    hall: p.integer().nullable(),
    place: p.integer().nullable(),
    isFree: p.boolean().default(false),
    note: p.string().nullable(),
    version: p.integer().version(),
  },
  uniques: [{ properties: ['hall', 'place'] }],
  indexes: [{ name: 'one_note', expression: `create unique index one_note on seat (lower(note)) where not is_free` }],
});
const Ticket: EntitySchema = defineEntity({
  name: 'Ticket',
  properties: {
    id: p.integer().primary(),
    seat: () => p.manyToOne(Seat).deleteRule('no action'),
    version: p.integer().version(),
  },
});

/** Without a version: a row that is made anew goes on with the versions of the old one. */
const Locker: EntitySchema = defineEntity({
  name: 'Locker',
  properties: { id: p.integer().primary(), code: p.string().unique(), note: p.string().nullable() },
});
for (const entity of [Seat, Ticket, Locker]) WriteBehind()(entity.class as never);

let both: Twins;
beforeAll(async () => {
  both = await twins([Seat, Ticket, Locker], {}, { retry, debounce: '1h', maxDelay: '1h' });
});
afterAll(async () => both[Symbol.asyncDispose]());
/** Of every test: rows of its own. */
let base = 0;
beforeEach(() => void (base += 10));
afterEach(async () => {
  const found = await both.differences();
  if (found.length > 0) throw new Error(`The two databases differ: ${JSON.stringify(found)}`);
});

const IDS = [1, 2, 3];
/** Three rows, written. */
async function seats(values: (id: number) => object): Promise<void> {
  await both.same(async (em) => {
    for (const id of IDS) em.create(Seat, { id: base + id, ...values(id) } as never);
    await em.flush();
  });
  await Spillway.of(both.behind).drain();
}

type Change = (em: EntityManager) => Promise<unknown>;
const set =
  (id: number, values: object): Change =>
  async (em) => {
    em.assign(await em.findOneOrFail(Seat, base + id), values as never);
    await em.flush();
  };

/** Each change is a flush of its own, in an entity manager of its own. */
async function expectSame(...changes: readonly Change[]): Promise<void> {
  for (const change of changes) await both.same(async (em) => void (await change(em)));
}

describe('a change that PostgreSQL has taken step by step becomes no dead letter', () => {
  test.each([
    ['a unique property', (at: number) => ({ code: `${base} at ${at}` }), { code: 'between' }],
    ['a unique property that is null for a moment', (at: number) => ({ code: `${base} at ${at}` }), { code: null }],
    ['a unique key of two properties', (at: number) => ({ hall: base, place: at }), { place: 99 }],
    [
      'an expression under a condition',
      (at: number) => ({ note: `${base} at ${at}`, isFree: false }),
      { isFree: true },
    ],
  ])('three rows pass values of %s round, by a value between', async (_what, values, between) => {
    await seats(values);
    await expectSame(set(1, between), set(3, values(1)), set(2, values(3)), set(1, values(2)));
  });

  test('two rows swap their values by calls that write past the unit of work', async () => {
    await seats((id) => ({ code: `${base} at ${id}` }));
    const native =
      (id: number, code: string): Change =>
      async (em) =>
        em.nativeUpdate(Seat, base + id, { code } as never);
    await expectSame(native(1, 'between'), native(2, `${base} at 1`), native(1, `${base} at 2`));
  });

  test('a row is deleted and made anew with the value of one that has got its own', async () => {
    await both.same(async (em) => {
      for (const id of [1, 2]) em.create(Locker, { id: base + id, code: `${base} at ${id}` } as never);
      await em.flush();
    });
    await Spillway.of(both.behind).drain();
    await expectSame(
      async (em) => em.nativeDelete(Locker, { id: base + 1 }),
      async (em) => em.nativeUpdate(Locker, base + 2, { code: `${base} at 1` } as never),
      async (em) => em.insert(Locker, { id: base + 1, code: `${base} at 2` }),
    );
  });

  test('a new row takes over the references and then the value of an old one, which is deleted', async () => {
    await seats((id) => ({ code: `${base} at ${id}` }));
    const move =
      (seat: number): Change =>
      async (em) => {
        em.assign(await em.findOneOrFail(Ticket, base), { seat: base + seat } as never);
        await em.flush();
      };
    await both.same(async (em) => {
      em.create(Ticket, { id: base, seat: base + 1 } as never);
      await em.flush();
    });
    await Spillway.of(both.behind).drain();
    await expectSame(
      async (em) => {
        em.create(Seat, { id: base + 4, code: `${base} new` } as never);
        await em.flush();
      },
      move(4),
      async (em) => em.nativeDelete(Seat, { id: base + 1 }),
      set(4, { code: `${base} at 1` }),
    );
  });

  test('a row that is moved to another one for a moment, so that its old one can go and come back', async () => {
    await seats((id) => ({ code: `${base} at ${id}` }));
    await both.same(async (em) => {
      em.create(Ticket, { id: base, seat: base + 1 } as never);
      await em.flush();
    });
    await Spillway.of(both.behind).drain();
    const move = (seat: number) => async (em: EntityManager) =>
      em.nativeUpdate(Ticket, base, { seat: base + seat } as never);
    await expectSame(
      move(2),
      async (em) => em.nativeDelete(Seat, { id: base + 1 }),
      async (em) => em.insert(Seat, { id: base + 5, code: `${base} at 1` }),
      move(5),
    );
  });

  test('a transaction that holds its changes passes values round', async () => {
    await seats((id) => ({ code: `${base} at ${id}` }));
    await expectSame(async (em) =>
      em.transactional(
        async (inner) => {
          const rows = await inner.find(Seat, { id: IDS.map((id) => base + id) }, { orderBy: { id: 1 } });
          const [one, two, three] = rows as { code: string }[];
          if (!one || !two || !three) throw new Error('no rows');
          one.code = 'between';
          await inner.flush();
          three.code = `${base} at 1`;
          await inner.flush();
          two.code = `${base} at 3`;
          await inner.flush();
          one.code = `${base} at 2`;
          await inner.flush();
        },
        { spillway: 'stage' } as never,
      ),
    );
  });
});

describe('SQL of a row that waits for the unique value of another row', () => {
  /** The second row has given up its value, and the first one has got it: both are pending. */
  async function pass(): Promise<void> {
    await both.same(async (em) => {
      for (const id of [1, 2]) em.create(Locker, { id: base + id, code: `${base} at ${id}` } as never);
      await em.flush();
    });
    await Spillway.of(both.behind).drain();
    await both.same(async (em) => {
      await em.nativeUpdate(Locker, base + 2, { code: `${base} free` } as never);
      await em.nativeUpdate(Locker, base + 1, { code: `${base} at 2` } as never);
    });
    expect((await Spillway.of(both.behind).status()).pending['Locker']).toBe(2);
  }

  const inTransaction =
    (act: Change): Change =>
    async (em) =>
      em.transactional(async (inner) => act(inner));
  const write = async (em: EntityManager): Promise<unknown> =>
    em.nativeUpdate(Locker, { id: base + 1, code: `${base} at 2` }, { note: 'by SQL' } as never);
  const remove = async (em: EntityManager): Promise<unknown> => em.nativeDelete(Locker, { id: base + 1 });

  test.each([
    ['a write', write],
    ['a write in a transaction', inTransaction(write)],
    ['a deletion in a transaction', inTransaction(remove)],
    [
      'a lock in a transaction',
      inTransaction(async (em) => em.findOneOrFail(Locker, base + 1, { lockMode: LockMode.PESSIMISTIC_WRITE })),
    ],
    [
      'a deletion in a transaction that has written the other row itself',
      inTransaction(async (em) => {
        await em.nativeUpdate(Locker, { id: base + 2 }, { note: 'by SQL' } as never);
        await remove(em);
      }),
    ],
    [
      'a deletion in a transaction that has locked the table',
      inTransaction(async (em) => {
        await em.execute('lock table locker in row exclusive mode');
        await em.execute(`select from locker where id = ${base + 2} for update`);
        await remove(em);
      }),
    ],
  ] satisfies [string, Change][])('%s', async (_what, act) => {
    await pass();
    await both.same(act);
    expect(await both.differences()).toEqual([]);
  });
});

test('a change of a value that is no step is merged into what is pending, without being written first', async () => {
  await both.same(async (em) => {
    em.create(Locker, { id: base, code: `${base}` } as never);
    await em.flush();
    for (const note of ['a', 'b', 'c']) await em.nativeUpdate(Locker, base, { note } as never);
  });
  const { pending } = await Spillway.of(both.behind).status();
  expect(pending['Locker']).toBe(1);
  expect(await both.behind.em.getConnection().execute(`select from locker where id = ${base}`)).toEqual([]);
});
