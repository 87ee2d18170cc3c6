import { defineEntity, LockMode, MikroORM, p } from '@mikro-orm/postgresql';
import {
  database,
  freshNamespace,
  hasPgBouncer,
  pgBouncer,
  sharedRedisUrl,
  type Database,
  type PrivatePgBouncer,
} from '@spillway/test-support';
import { afterEach, describe, expect, test } from 'vitest';
import type { FlushStep } from '../../../src/flush/flush-shards.js';
import { Spillway, WriteBehind } from '../../../src/index.js';
import { spillwayWithSteps } from '../../../src/testing/spillway-with-steps.js';

const Counter = defineEntity({
  name: 'PooledCounter',
  properties: { id: p.integer().primary(), hits: p.integer(), note: p.string(), version: p.integer().version() },
});
WriteBehind({ counters: ['hits'] })(Counter.class as never);

const CALLERS = 20;

let db: Database;
let bouncer: PrivatePgBouncer;
let orm: MikroORM;

/** @param diesAt the flushes of this process end after this step, once the rows are there */
async function start(size: number, diesAt?: FlushStep): Promise<void> {
  db = await database();
  bouncer = await pgBouncer(db.url, { default_pool_size: String(size) });
  let [isReady, hasDied] = [false, false];
  orm = await MikroORM.init({
    entities: [Counter],
    clientUrl: bouncer.url,
    pool: { max: 20 },
    extensions: [
      spillwayWithSteps(
        { redis: sharedRedisUrl(), namespace: freshNamespace(), worker: false, tables: { ensure: true } },
        async (step) => {
          hasDied ||= isReady && step === diesAt;
          if (hasDied && (step === diesAt || step === 'begun')) throw new Error(`It has died when it was ${step}`);
        },
      ),
    ],
  });
  await orm.schema.create();
  const em = orm.em.fork();
  for (let id = 1; id <= CALLERS; id++) em.create(Counter, { id, hits: 0, note: '' } as never);
  await em.flush();
  await Spillway.of(orm).drain();
  isReady = true;
}

afterEach(async () => {
  await orm.close();
  await bouncer.stop();
  await db.drop();
});

describe.skipIf(!hasPgBouncer())('behind PgBouncer in transaction mode', () => {
  test('a transaction that has the only server connection writes what is pending of its rows itself', async () => {
    await start(1);
    await Spillway.of(orm).increment(Counter, 1, { hits: 5 });
    const lags: unknown[] = [];
    Spillway.of(orm).on('lagging', (event) => lags.push(event));
    const seen = await orm.em.fork().transactional(async (em) => {
      const row = await em.findOneOrFail(Counter, 1, { lockMode: LockMode.PESSIMISTIC_WRITE });
      const found = await em.find(Counter, { hits: 5 });
      return { hits: row.hits, found: found.map(({ id }) => id) };
    });
    expect(seen).toEqual({ hits: 5, found: [1] });
    expect(lags).toEqual([]);
    expect((await Spillway.of(orm).status()).writes).toMatchObject({ PooledCounter: { 'promoted-inside': 1 } });
  });

  test('it finds a batch of somebody else committed, and reads it once, on the connection that it has', async () => {
    await start(1, 'committed');
    const dying = Spillway.of(orm);
    await dying.increment(Counter, 1, { hits: 5 });
    // Written, committed, and not acknowledged: as by a worker that has died just then.
    await expect(dying.drain(Counter, { timeout: '2s' })).rejects.toMatchObject({ code: 'DRAIN_TIMEOUT' });
    const seen = await orm.em.fork().transactional(async (em) => {
      const looked = await em.findOneOrFail(Counter, 1);
      const locked = await em.findOneOrFail(Counter, 1, { lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true });
      return [looked.hits, locked.hits];
    });
    expect(seen).toEqual([5, 5]);
  });

  test.each([1, 2, 4])(
    'twenty callers add to rows of each other through a pool of %i, and nothing is lost',
    async (size) => {
      await start(size);
      await Promise.all(
        [...Array(CALLERS).keys()].map(async (caller) => {
          for (let round = 0; round < size; round++) {
            await Spillway.of(orm).increment(Counter, 1 + ((caller * 7 + round) % CALLERS), { hits: 1 });
            await orm.em.fork().transactional(async (em) => {
              const key = 1 + ((caller + round) % CALLERS);
              const row = await em.findOneOrFail(Counter, key, { lockMode: LockMode.PESSIMISTIC_WRITE });
              row.hits += 1;
            });
          }
        }),
      );
      expect(await Spillway.of(orm).drain()).toEqual({ left: 0 });
      const rows = await orm.em.fork().find(Counter, {});
      expect(rows.reduce((sum, { hits }) => sum + hits, 0)).toBe(2 * size * CALLERS);
      expect(await Spillway.of(orm).deadLetters.list()).toEqual([]);
    },
  );
});
