import { defineEntity, p, raw, type EntityManager, type EntitySchema } from '@mikro-orm/postgresql';
import { beforeEach, expect, test } from 'vitest';
import { fresh, pending, twinFamilies } from './twins.js';

/**
 * A value that only one row may have is taken, or given up, by a row that is pending, when SQL wants it for another
 * one.
 */
function family(prefix: string) {
  const Account: EntitySchema = defineEntity({
    name: `${prefix}Account`,
    properties: {
      id: p.integer().primary(),
      email: p.string().nullable().unique(),
      seat: p.integer().nullable(),
      flight: p.integer().nullable(),
      note: p.string().nullable(),
      version: p.integer().version(),
    },
    uniques: [{ properties: ['flight', 'seat'] }],
  });
  /** Carries no policy: a flush with it is written by SQL. */
  const Audit: EntitySchema = defineEntity({
    name: `${prefix}Audit`,
    properties: { id: p.integer().primary(), text: p.string() },
  });
  return { Account, Audit };
}

type Family = ReturnType<typeof family>;
const both = twinFamilies(family, (name) => (name === 'Account' ? {} : undefined));
let base = 0;
beforeEach(() => void (base += 10));

type Way = (em: EntityManager, entities: Family, values: object) => Promise<unknown>;
const make: Way = async (em, { Account }, values) => {
  em.create(Account, { id: base + 1, ...values } as never);
  await em.flush();
};
const change: Way = async (em, { Account }, values) => {
  em.assign(await em.findOneOrFail(Account, base + 2), values as never);
  await em.flush();
};
const WAYS: Readonly<Record<string, Way>> = {
  'a new row in a transaction': async (em, entities, values) =>
    em.transactional(async (inner) => make(inner, entities, values)),
  'a changed row in a transaction': async (em, entities, values) =>
    em.transactional(async (inner) => change(inner, entities, values)),
  'a flush with an entity that has no policy': async (em, entities, values) => {
    em.create(entities.Audit, { id: base, text: 'made' } as never);
    await make(em, entities, values);
  },
  'em.insert() in a transaction': async (em, { Account }, values) =>
    em.transactional(async (inner) => inner.insert(Account, { id: base + 1, ...values })),
  'em.nativeUpdate() by key in a transaction': async (em, { Account }, values) =>
    em.transactional(async (inner) => inner.nativeUpdate(Account, { id: base + 2 }, values as never)),
  'em.nativeUpdate() by key with SQL in it': async (em, { Account }, values) =>
    em.nativeUpdate(Account, { id: base + 2 }, { ...values, note: raw("'x'") } as never),
};
const VALUES = [{ email: 'a@example.com' }, { flight: 7, seat: 3 }] as const;

test.each(Object.entries(WAYS).flatMap(([name, way]) => VALUES.map((values) => [name, values, way] as const)))(
  '%s is refused %o that a pending row has, and gets them when a pending change has given them up',
  async (_name, values, way) => {
    await both.expectSame(async (em, entities, see) => {
      const first = em.create(entities.Account, { id: base, ...values } as never);
      em.create(entities.Account, { id: base + 2 } as never);
      await em.flush();
      see(
        await way(em.fork(), entities, values).then(
          () => 'done',
          (error: Error) => error.constructor.name,
        ),
      );
      em.assign(first, Object.fromEntries(Object.keys(values).map((name) => [name, null])) as never);
      await em.flush();
      await way(em.fork(), entities, values);
      for (const id of [base, base + 1, base + 2]) see(await fresh(both.orm, entities.Account, id));
      await em.nativeDelete(entities.Audit, { id: base });
      em.remove(await em.find(entities.Account, {}));
      await em.flush();
    });
  },
);

test('a change of no such value leaves what is pending of other rows alone', async () => {
  const em = both.orm.em.fork();
  const { Account } = both.behind;
  em.create(Account, { id: base } as never);
  em.create(Account, { id: base + 1, email: 'b@example.com' } as never);
  await em.flush();
  await em.fork().transactional(async (inner) => {
    inner.assign(await inner.findOneOrFail(Account, base + 1), { note: 'new' } as never);
  });
  expect(await pending(both.orm)).toBe(1);
});
