import { defineEntity, MikroORM, p, type EntityManager } from '@mikro-orm/postgresql';
import { database, freshNamespace, sharedRedisUrl, type Database } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Spillway, spillway, WriteBehind } from '../../../src/index.js';

const properties = {
  id: p.integer().primary(),
  tenant: p.integer(),
  name: p.string(),
  version: p.integer().version(),
};
const Strict = defineEntity({ name: 'Strict', properties });
const Lax = defineEntity({ name: 'Lax', properties });
const Busy = defineEntity({ name: 'Busy', properties });
WriteBehind({ drainTimeout: '300ms' })(Strict.class as never);
WriteBehind({ drainTimeout: '30s' })(Busy.class as never);
WriteBehind({ drainTimeout: '300ms', onDrainTimeout: 'overlay' })(Lax.class as never);

let db: Database;
let orm: MikroORM;
let base = 0;
let lagging: string[] = [];

beforeAll(async () => {
  db = await database();
  orm = await MikroORM.init({
    entities: [Strict, Lax, Busy],
    clientUrl: db.url,
    // No more than one query and one transaction at a time.
    pool: { min: 0, max: 2 },
    extensions: [
      spillway({ redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } }),
    ],
  });
  await orm.schema.create();
  Spillway.of(orm).on('lagging', ({ reason }) => lagging.push(reason));
});

afterAll(async () => {
  await orm.close();
  await db.drop();
});

type Entity = typeof Strict;
const em = (): EntityManager => orm.em.fork();

/** Rows base + 1 to base + 3 of tenant 1 of both, written. */
beforeEach(async () => {
  base += 10;
  const fork = em();
  for (const entity of [Strict, Lax, Busy])
    for (const n of [1, 2, 3]) fork.create(entity as Entity, { id: base + n, tenant: 1, name: 'old' });
  await fork.flush();
  await Spillway.of(orm).drain();
  lagging = [];
});

afterEach(async () => {
  await Spillway.of(orm).drain();
});

async function change(entity: unknown, n: number, values: object): Promise<void> {
  const fork = em();
  fork.assign(await fork.findOneOrFail(entity as Entity, base + n), values);
  await fork.flush();
}

/** Nobody can write while the body runs: somebody else holds all shards. */
async function whileNothingIsWritten(body: () => Promise<void>): Promise<void> {
  const holder = em();
  await holder.begin();
  await holder.execute('select from spillway_shard for update');
  try {
    await body();
  } finally {
    await holder.rollback();
  }
}

const mine = (): object => ({ tenant: 1, id: { $gt: base, $lt: base + 10 } });
const names = async (entity: unknown): Promise<string[]> =>
  (await em().find(entity as Entity, mine(), { orderBy: { id: 1 } })).map(({ name }) => name);

describe('what cannot be written in time (H12)', () => {
  test('fails the query, which says what to do, and is counted', async () => {
    await change(Strict, 1, { name: 'new' });
    await whileNothingIsWritten(async () => {
      await expect(names(Strict)).rejects.toThrow(
        /^A drain of public\.strict did not end within 300 ms: .* Nothing is lost, .* or give a longer time-out\. \[DRAIN_TIMEOUT\]$/,
      );
    });
    expect((await Spillway.of(orm).status()).forcedDrains).toMatchObject({ 'Strict.find': 1 });
    expect(await names(Strict)).toEqual(['new', 'old', 'old']);
  });

  test("is laid over with onDrainTimeout: 'overlay', and an event says so", async () => {
    await change(Lax, 1, { name: 'new' });
    await whileNothingIsWritten(async () => {
      expect(await names(Lax)).toEqual(['new', 'old', 'old']);
    });
    expect(lagging).toEqual(['timeout']);
  });

  test('is left out there if it may take the row out of the answer, without waiting once more', async () => {
    await change(Lax, 1, { tenant: 2, name: 'secret' });
    await change(Lax, 2, { name: 'new' });
    await whileNothingIsWritten(async () => {
      expect(await names(Lax)).toEqual(['new', 'old']);
    });
  });

  test('is laid over too if it is a row that somebody has locked', async () => {
    await change(Lax, 1, { name: 'new' });
    const locker = em();
    await locker.begin();
    await locker.execute(`select from lax where id = ${base + 1} for update`);
    expect(await names(Lax)).toEqual(['new', 'old', 'old']);
    await locker.rollback();
    // By PostgreSQL's refusal or by the time-out, whichever comes first.
    expect(lagging).toHaveLength(1);
  });

  test('fails a query of several types if one of them says so', async () => {
    await change(Lax, 1, { name: 'new' });
    await change(Strict, 1, { name: 'new' });
    await whileNothingIsWritten(async () => {
      expect(await em().count(Lax, mine())).toBe(3);
      await expect(em().count(Strict, mine())).rejects.toThrow('[DRAIN_TIMEOUT]');
    });
    expect(lagging).toEqual(['timeout']);
  });
});

test.each([
  ['em.nativeDelete() by criteria', (): Promise<unknown> => em().nativeDelete(Lax, { ...mine(), name: 'new' })],
  [
    'em.nativeUpdate() by criteria',
    (): Promise<unknown> => em().nativeUpdate(Lax, { ...mine(), name: 'new' }, { tenant: 3 }),
  ],
])(
  "%s is no query: it fails with onDrainTimeout: 'overlay' too, or it would miss what is pending",
  async (_way, write) => {
    await change(Lax, 1, { name: 'new' });
    await whileNothingIsWritten(async () => {
      await expect(write()).rejects.toThrow('[DRAIN_TIMEOUT]');
    });
    expect(lagging).toEqual([]);
    expect(await write()).toBe(1);
  },
);

test('queries end though somebody goes on writing (H12)', async () => {
  let isOver = false;
  const row = base + 1;
  const write = async (): Promise<number> => {
    const fork = em();
    const busy = await fork.findOneOrFail(Busy, row);
    for (let count = 0; ; count += 1) {
      busy.name = `name ${count}`;
      await fork.flush();
      if (isOver) return count;
    }
  };
  const writer = write();
  try {
    for (let query = 0; query < 20; query += 1) expect(await em().count(Busy, mine())).toBe(3);
  } finally {
    isOver = true;
  }
  expect(await writer).toBeGreaterThan(20);
  expect(await em().findOne(Busy, { name: `name ${await writer}` })).toMatchObject({ id: row });
});

test("drains need no connection of the application's pool (H12)", async () => {
  await change(Strict, 1, { name: 'new' });
  const holders = [em(), em()];
  for (const holder of holders) await holder.begin();
  for (const holder of holders) await holder.execute('select 1');
  expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
  for (const holder of holders) await holder.rollback();
});
