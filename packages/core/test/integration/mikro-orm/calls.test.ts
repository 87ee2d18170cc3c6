import { raw, wrap, type EntityManager, type MikroORM } from '@mikro-orm/postgresql';
import { loggedDatabase, type LoggedDatabase } from '@spillway/test-support';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import {
  Behind,
  Big,
  BigTwin,
  Loose,
  LooseTwin,
  Remark,
  Stamped,
  StampedTwin,
  Timed,
  Twin,
  twinsOrm,
  type Program,
} from './calls-entities.js';

let db: LoggedDatabase;
let orm: MikroORM;

beforeAll(async () => {
  db = await loggedDatabase();
  orm = await twinsOrm(db.url);
  await orm.schema.create();
  await Spillway.of(orm).start();
});

beforeEach(async () => {
  await Spillway.of(orm).drain();
  for (const table of ['behind', 'twin', 'loose', 'loose_twin'])
    await orm.em.getConnection().execute(`delete from ${table}`);
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

const rows = (sql: string, parameters: unknown[] = []): Promise<Record<string, unknown>[]> =>
  orm.em.getConnection().execute(sql, parameters);

/** Statements of `act` that write or read rows; numbers of sequences apart. */
async function statementsOf(act: () => Promise<unknown>): Promise<string[]> {
  const statements = await db.statements.during(act);
  return statements.filter((sql) => !/nextval|spillway_|^begin|^commit/.test(sql));
}

/**
 * Runs a program on both: what it answers, what is read while it is staged, and what is in the tables when it is
 * written.
 */
async function onBoth(
  program: Program,
  pair: readonly [unknown, unknown] = [Behind, Twin],
): Promise<{ readonly behind: unknown; readonly twin: unknown }> {
  const [behind, twin] = pair as [typeof Behind, typeof Twin];
  const answers = { twin: await program(orm.em.fork(), twin), behind: await program(orm.em.fork(), behind) };
  const name = (entity: unknown): string => orm.getMetadata().get(entity as never).tableName;
  const keys = await rows(`select id from ${name(twin)} order by id`);
  const read = { twin: await readAll(twin, keys), behind: await readAll(behind, keys) };
  await Spillway.of(orm).drain();
  const table = (entity: unknown): Promise<unknown[]> => rows(`select * from ${name(entity)} order by id`);
  return {
    twin: { answer: answers.twin, read: read.twin, table: await table(twin) },
    behind: { answer: answers.behind, read: read.behind, table: await table(behind) },
  };
}

async function readAll(entity: unknown, keys: readonly Record<string, unknown>[]): Promise<unknown[]> {
  const em = orm.em.fork();
  const found = await Promise.all(keys.map(async ({ id }) => em.findOne(entity as typeof Behind, id as number)));
  return found.map((row) => row && wrap(row).toPOJO());
}

const AT = new Date('2026-01-02T03:04:05.678Z');

describe('em.insert()', () => {
  test('is staged: answers the key and keeps the values as plain MikroORM does', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => [
      await em.insert(entity, { name: 'data' } as never),
      await em.insert(entity, { id: 900, name: 'own key', price: '1.5', details: { a: [1] }, at: AT }),
      await em.insert(entity, { name: 'json text', details: 'text', views: 3, code: null, kind: 'other' }),
    ]);
    expect(behind).toEqual(twin);
  });

  test('of an entity answers its key, and leaves it as plain MikroORM does', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      const created = em.create(entity, { name: 'entity', details: [1, 2], at: AT } as never, { persist: false });
      const key = await em.insert(created);
      return [key, wrap(created).toPOJO(), wrap(created).isInitialized(), em.getUnitOfWork().getIdentityMap().keys()];
    });
    expect(behind).toEqual(twin);
  });

  test('of rows of a bigint key answers it as plain MikroORM does', async () => {
    const { behind, twin } = await onBoth(
      async (em, entity) => [await em.insert(entity, { label: 'x' } as never)],
      [Big, BigTwin],
    );
    expect(behind).toEqual(twin);
  });

  test('sends no SQL', async () => {
    const statements = await statementsOf(async () => {
      const em = orm.em.fork();
      await em.insert(Loose, { name: 'silent' } as never);
      await em.insertMany(Loose, [{ name: 'silent' }, { name: 'too' }] as never);
      await em.insert(em.create(Loose, { name: 'entity' } as never, { persist: false }));
    });
    expect(statements).toEqual([]);
  });

  test.each([
    ['a raw() value', { id: 910, name: 'raw', views: raw('1 + 1') }],
    ['a version of its own', { id: 911, name: 'version', version: 7 }],
    ['a value that the database reads as another type', { id: 912, name: 'typed', views: '12' }],
  ])('with %s goes by SQL, and comes to the same', async (_, data) => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      await em.insert(entity, data as never);
      return undefined;
    });
    expect(behind).toEqual(twin);
  });

  test('without a value that must be there fails as in plain MikroORM', async () => {
    await expect(orm.em.fork().insert(Behind, { views: 1 } as never)).rejects.toThrow(/null value in column "name"/);
  });

  test('of a plain entity finds the staged row that it refers to', async () => {
    const em = orm.em.fork();
    const about = await em.insert(Loose, { name: 'referred to' } as never);
    const remark = await em.insert(Remark, { text: 'a', about });
    const other = await em.insert(Loose, { name: 'another' } as never);
    await em.nativeUpdate(Remark, { id: remark as number }, { about: other });
    const entity = em.create(
      Remark,
      { text: 'b', about: await em.insert(Loose, { name: 'third' } as never) } as never,
      {
        persist: false,
      },
    );
    await em.insert(entity);
    expect(await rows('select text from remark order by text')).toEqual([{ text: 'a' }, { text: 'b' }]);
  });
});

describe('em.insertMany()', () => {
  test('is staged: answers what plain MikroORM answers, for data and for entities', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      const entities = ['e1', 'e2'].map((name) => em.create(entity, { name } as never, { persist: false }));
      return [
        await em.insertMany(entity, [{ name: 'm1' }, { name: 'm2', price: '2' }] as never),
        await em.insertMany(entity, [
          { id: 901, name: 'm3' },
          { id: 902, name: 'm4' },
        ] as never),
        await em.insertMany(entities as never),
        entities.map((created) => wrap(created as object).toPOJO()),
      ];
    });
    expect(behind).toEqual(twin);
  });
});

describe('em.upsert()', () => {
  test('by key is staged: the managed entity is the one of plain MikroORM, for a new row', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      const upserted = await em.upsert(entity, { id: 500, name: 'new', details: { a: 1 } });
      const again = await em.fork().upsert(entity, { id: 501, name: 'at', at: AT, price: '3.456' });
      return [wrap(upserted).toPOJO(), wrap(again).toPOJO(), isClean(em)];
    });
    expect(behind).toEqual(twin);
  });

  test('by key is staged: the managed entity is the one of plain MikroORM, for a row that exists', async () => {
    const { behind, twin } = await onBoth(
      async (em, entity) => {
        await em.insert(entity, { id: 502, name: 'old', views: 4, price: '1', code: 'keep' } as never);
        const upserted = await em.upsert(entity, { id: 502, name: 'newer' });
        const loaded = em.fork();
        const created = loaded.create(entity, { id: 502, name: 'newest', details: null } as never, { persist: false });
        await loaded.upsert(created);
        return [wrap(upserted).toPOJO(), wrap(created).toPOJO(), isClean(em), isClean(loaded)];
      },
      [Loose, LooseTwin],
    );
    expect(behind).toEqual(twin);
  });

  test('raises the version of a row that exists, which every holder of the older one notices', async () => {
    const em = orm.em.fork();
    await em.insert(Behind, { id: 503, name: 'one' } as never);
    await Spillway.of(orm).drain();
    const holder = orm.em.fork();
    const held = await holder.findOneOrFail(Behind, 503);
    const statements = await statementsOf(async () => {
      expect((await em.upsert(Behind, { id: 503, name: 'two' })).version).toBe(2);
    });
    expect(statements.filter((sql) => !sql.startsWith('select'))).toEqual([]);
    expect(await orm.em.fork().findOneOrFail(Behind, 503)).toMatchObject({ name: 'two', version: 2 });
    held.name = 'stale';
    await expect(holder.flush()).rejects.toThrow('optimistic lock');
    const fresh = orm.em.fork();
    (await fresh.findOneOrFail(Behind, 503)).name = 'three';
    await fresh.flush();
    await Spillway.of(orm).drain();
    expect(await rows('select name, version from behind where id = 503')).toEqual([{ name: 'three', version: 3 }]);
  });

  test.each([
    ['by another unique key', { name: 'by code', code: 'unique' }, {}],
    ['that ignores rows which exist', { id: 504, name: 'ignored' }, { onConflictAction: 'ignore' as const }],
    ['that merges some properties only', { id: 504, name: 'merged', views: 9 }, { onConflictMergeFields: ['views'] }],
    ['with a raw() value', { id: 504, name: raw("'a' || 'b'") }, {}],
  ])('%s goes by SQL after what is pending, and comes to the same', async (name, data, options) => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      const id = name.length * 10;
      await em.insert(entity, { id, name: 'first', code: 'unique' } as never);
      const own = 'id' in data ? { ...data, id } : data;
      const upserted = await em.upsert(entity, own, options as never);
      await em.nativeUpdate(entity, { id }, { code: null });
      return upserted.id;
    });
    expect(behind).toEqual(twin);
  });

  test('whose row has values of onCreate goes by SQL: they must not overwrite what is there', async () => {
    const id = '00000000-0000-0000-0000-000000000001';
    const { behind, twin } = await onBoth(
      async (em, entity) => {
        await em.insert(entity, { id, name: 'one', made: AT } as never);
        const upserted = await em.upsert(entity, { id, name: 'two' } as never);
        return wrap(upserted).toPOJO();
      },
      [Stamped, StampedTwin],
    );
    expect(behind).toEqual(twin);
  });

  test('of a new row with a default of now() goes by SQL, of one that exists it is staged', async () => {
    const em = orm.em.fork();
    const made = await em.upsert(Timed, { id: 'a', name: 'one' });
    expect(await rows(`select id from timed`)).toEqual([{ id: 'a' }]);
    const statements = await statementsOf(async () => orm.em.fork().upsert(Timed, { id: 'a', name: 'two' }));
    expect(statements.filter((sql) => !sql.startsWith('select'))).toEqual([]);
    expect(await orm.em.fork().findOneOrFail(Timed, 'a')).toMatchObject({ name: 'two', since: made.since });
  });
});

describe('em.upsertMany()', () => {
  test('by key is staged, new rows and old ones together', async () => {
    const { behind, twin } = await onBoth(
      async (em, entity) => {
        await em.insert(entity, { id: 600, name: 'old', views: 2 } as never);
        const many = await em.upsertMany(entity, [
          { id: 600, name: 'm1' },
          { id: 601, name: 'm2' },
        ] as never);
        return [many.map((row) => wrap(row).toPOJO()), isClean(em)];
      },
      [Loose, LooseTwin],
    );
    expect(behind).toEqual(twin);
  });

  test('of rows with different properties goes by SQL, and comes to the same', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      const many = await em.upsertMany(entity, [
        { id: 610, name: 'm1' },
        { id: 611, name: 'm2', price: '2' },
      ] as never);
      return many.map(({ id }) => id);
    });
    expect(behind).toEqual(twin);
  });
});

describe('em.nativeUpdate()', () => {
  test('by key is staged: answers how many rows there are, raises the version, and assigns counters', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      await em.insertMany(entity, [
        { id: 700, name: 'a' },
        { id: 701, name: 'b' },
      ] as never);
      return [
        await em.nativeUpdate(entity, 700, { views: 5, details: { x: 'y' }, at: AT }),
        await em.nativeUpdate(entity, { id: 700 }, { name: 'a2' }),
        await em.nativeUpdate(entity, { id: { $in: [700, 701, 799] } }, { price: '9.999' }),
        await em.nativeUpdate(entity, { id: 798 }, { name: 'nobody' }),
        await em.nativeUpdate(entity, { id: 701 }, {}),
      ];
    });
    expect(behind).toEqual(twin);
  });

  test('by key sends no SQL but a look at the rows, and is then written as if they had been loaded', async () => {
    const em = orm.em.fork();
    await em.insert(Behind, { id: 710, name: 'seen' } as never);
    await Spillway.of(orm).drain();
    const statements = await statementsOf(async () => em.nativeUpdate(Behind, { id: 710 }, { name: 'set' }));
    expect(statements.map((sql) => sql.split(' ')[0])).toEqual(['select']);
    const loaded = await orm.em.fork().findOneOrFail(Behind, 710);
    expect(loaded).toMatchObject({ name: 'set', version: 2 });
    loaded.name = 'after';
    await wrapEm(loaded).flush();
    await Spillway.of(orm).drain();
    expect(await rows('select name, version from behind where id = 710')).toEqual([{ name: 'after', version: 3 }]);
  });

  test('of several callers at once loses none of them', async () => {
    await orm.em.fork().insert(Behind, { id: 720, name: 'start' } as never);
    const names = Array.from({ length: 8 }, (_, i) => `writer ${i}`);
    const affected = await Promise.all(
      names.map(async (name) => orm.em.fork().nativeUpdate(Behind, { id: 720 }, { name })),
    );
    expect(affected).toEqual(names.map(() => 1));
    expect((await orm.em.fork().findOneOrFail(Behind, 720)).version).toBe(9);
  });

  test.each([
    ['by criteria', 730, { name: 'criterion' }, { views: 1 }],
    ['with a raw() value', 731, { id: 731 }, { views: raw('views + 2') }],
    ['of the version', 732, { id: 732 }, { version: 40 }],
    ['of the key', 733, { id: 733 }, { id: 734 }],
  ])('%s goes by SQL after what is pending, and comes to the same', async (_, id, where, data) => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      await em.insert(entity, { id, name: 'criterion', views: 10 } as never);
      return em.nativeUpdate(entity, where, data);
    });
    expect(behind).toEqual(twin);
  });
});

describe('em.nativeDelete()', () => {
  test('by key is staged, and answers how many rows there were', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      await em.insertMany(entity, [
        { id: 800, name: 'a' },
        { id: 801, name: 'b' },
      ] as never);
      const answers = [
        await em.nativeDelete(entity, 800),
        await em.nativeDelete(entity, { id: [800, 801, 899] }),
        await em.nativeDelete(entity, { id: 801 }),
      ];
      await em.insert(entity, { id: 801, name: 'again' } as never);
      await em.nativeUpdate(entity, 801, { version: 9 });
      return answers;
    });
    expect(behind).toEqual(twin);
  });

  test('by criteria goes by SQL after what is pending', async () => {
    const { behind, twin } = await onBoth(async (em, entity) => {
      await em.insert(entity, { id: 810, name: 'to go' } as never);
      return em.nativeDelete(entity, { name: 'to go' });
    });
    expect(behind).toEqual(twin);
  });
});

test('of all of these nothing became a dead letter', async () => {
  await Spillway.of(orm).drain();
  expect(await Spillway.of(orm).deadLetters.list()).toEqual([]);
});

describe('inside a transaction', () => {
  test('these calls go by SQL, and are rolled back with it', async () => {
    await orm.em.fork().insert(Behind, { id: 820, name: 'before' } as never);
    const failed = orm.em.fork().transactional(async (em) => {
      await em.nativeUpdate(Behind, { id: 820 }, { name: 'inside' });
      await em.insert(Behind, { id: 821, name: 'inside' } as never);
      await em.upsert(Behind, { id: 822, name: 'inside' });
      await em.insert(em.create(Behind, { id: 823, name: 'inside' } as never, { persist: false }));
      throw new Error('rolled back');
    });
    await expect(failed).rejects.toThrow('rolled back');
    await Spillway.of(orm).drain();
    expect(await rows('select id, name from behind where id between 820 and 829')).toEqual([
      { id: 820, name: 'before' },
    ]);
  });
});

function isClean(em: EntityManager): boolean {
  em.getUnitOfWork().computeChangeSets();
  return em.getUnitOfWork().getChangeSets().length === 0;
}

function wrapEm(entity: object): EntityManager {
  return wrap(entity, true).__em as EntityManager;
}

describe('a counter', () => {
  test('that is assigned between increments keeps their order, staged and written', async () => {
    const em = orm.em.fork();
    const views = async (): Promise<unknown> => (await orm.em.fork().findOneOrFail(Behind, 1)).views;
    await em.insert(Behind, { id: 1, name: 'counted', views: 1, details: null });
    await Spillway.of(orm).increment(Behind, 1, { views: 5 });
    expect(await views()).toBe(6);
    await em.nativeUpdate(Behind, 1, { views: 10 });
    await Spillway.of(orm).increment(Behind, 1, { views: 2 });
    expect(await views()).toBe(12);
    await em.upsert(Behind, { id: 1, name: 'counted', views: 20 });
    await Spillway.of(orm).increment(Behind, 1, { views: 1 });
    expect(await views()).toBe(21);
    await Spillway.of(orm).drain();
    expect(await rows('select views from behind')).toEqual([{ views: 21 }]);
  });
});
