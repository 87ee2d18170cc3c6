import { eventually, redis, TcpProxy } from '@spillway/test-support';
import { Spillway } from '@spillway/core';
import type { HoldStep } from '@spillway/core/testing';
import { describe, expect, test } from 'vitest';
import { Item, Page, Receipt } from './programs/site.js';
import { breakGround, type Ground } from './support/ground.js';
import { Programs, type Program } from './support/programs.js';
import { below, randomOf } from './support/random.js';

const SEED = Number(process.env['SPILLWAY_FAULT_SEED'] ?? Date.now() % 1_000_000);
const KILLS = 8;

const stage = (): { spillway: 'stage' } => ({ spillway: 'stage' });

async function heatPages({ orm, spillway }: Ground): Promise<void> {
  const em = orm.em.fork();
  for (let number = 0; number < 3; number++) em.create(Page, { id: `hot ${number}`, hits: 0 });
  await em.flush();
  await spillway.drain();
}

/** Waits until nothing is held or pending any more. */
async function settled(ground: Ground): Promise<void> {
  await eventually(
    async () => {
      await ground.spillway.drain();
      expect((await ground.spillway.status()).held).toBe(0);
    },
    { what: 'everything held to end', timeoutMs: 30_000 },
  );
  await ground.settled();
}

/**
 * Holds what is written behind against the receipts, which are there exactly for the transactions that have committed.
 * Answers how many.
 */
async function agrees(ground: Ground): Promise<number> {
  const receipts = await ground.sql<{ id: string; page: string; hits: number; item: string; text: string }>(
    'select * from receipt order by id',
  );
  const { pages, items } = await ground.rows();
  const hits = Map.groupBy(receipts, ({ page }) => page);
  expect(pages.map(({ id, hits: found }) => [id, found])).toEqual(
    pages.map(({ id }) => [id, (hits.get(id) ?? []).reduce((sum, receipt) => sum + receipt.hits, 0)]),
  );
  const edits = Map.groupBy(receipts, ({ item }) => item);
  expect(items).toEqual(
    [...edits]
      .map(([id, of]) => ({ id, text: of.at(-1)?.text, version: of.length }))
      .toSorted((left, right) => (left.id < right.id ? -1 : 1)),
  );
  return receipts.length;
}

/**
 * In the order of a transaction: when Redis holds a flush, when the ledger has it, when the transaction has ended, and
 * when its holds have ended.
 */
const STEPS: readonly HoldStep[] = ['held', 'entered', 'ended', 'staged'];

describe.each(STEPS)('kill -9 of an application when the step "%s" of a transaction is done', (step) => {
  test.each([1, 12])(
    'leaves exactly what has committed, the %sth time (H13, F32)',
    async (time) => {
      await using ground = await breakGround();
      await using programs = new Programs();
      await heatPages(ground);
      const dying = programs.transactor({
        ...ground.place,
        name: 'app',
        seed: time,
        lanes: 2,
        dieAfter: { step, time },
      });
      await dying.endsWith('SIGKILL');
      await settled(ground);
      expect(await agrees(ground)).toBeGreaterThan(-1);
    },
    60_000,
  );
});

test(`kill -9 at ${KILLS} random moments leaves exactly what has committed (H13, F32, SPILLWAY_FAULT_SEED=${SEED})`, async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  await heatPages(ground);
  const random = randomOf(SEED);
  let started = 0;
  const start = (): Program => {
    started += 1;
    return programs.transactor({ ...ground.place, name: `app ${started}`, seed: below(random, 1e6), lanes: 3 });
  };
  const worker = programs.worker(ground.place);
  const posts = [start(), start()];
  for (let kill = 0; kill < KILLS; kill++) {
    const at = below(random, posts.length);
    const program = posts[at] as Program;
    await program.ready();
    const goal = program.journal().length + below(random, 12);
    await eventually(() => program.journal().length >= goal, { what: 'more transactions', timeoutMs: 30_000 });
    await program.kill9();
    posts[at] = start();
  }
  for (const program of posts) {
    await program.ready();
    program.signal('SIGTERM');
    await program.endsWith(0);
  }
  await worker.ready();
  await settled(ground);
  expect(await agrees(ground)).toBeGreaterThan(KILLS);
  worker.signal('SIGTERM');
  await worker.endsWith(0);
}, 180_000);

test.each(['answer', 'request'] as const)(
  'a transaction whose COMMIT has lost its %s is as PostgreSQL has it (H13)',
  async (loss) => {
    await using ground = await breakGround();
    await using proxy = await TcpProxy.before(ground.place.databaseUrl);
    await using programs = new Programs();
    await heatPages(ground);
    const application = programs.transactor({
      ...ground.place,
      databaseUrl: proxy.url,
      name: 'app',
      seed: 3,
      lanes: 1,
    });
    await application.ready();
    await eventually(() => application.journal().length > 5, { what: 'some transactions', timeoutMs: 30_000 });
    await proxy.lose(loss, 'commit\0');
    await application.endsWith(1);
    await settled(ground);
    expect(await agrees(ground)).toBeGreaterThan(4);
  },
  60_000,
);

test('a transaction whose backend is killed leaves nothing (F32)', async () => {
  await using ground = await breakGround();
  await using programs = new Programs();
  await heatPages(ground);
  const application = programs.transactor({ ...ground.place, name: 'app', seed: 4, lanes: 2 });
  await application.ready();
  await eventually(() => application.journal().length > 5, { what: 'some transactions', timeoutMs: 30_000 });
  const killed = `select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and state like 'idle in transaction%' limit 1`;
  await eventually(async () => expect(await ground.sql(killed)).toHaveLength(1));
  await application.endsWith(1);
  await settled(ground);
  expect(await agrees(ground)).toBeGreaterThan(4);
}, 60_000);

test('what a transaction has committed while Redis was silent is staged by whoever looks next (H13)', async () => {
  await using store = await redis();
  await using ground = await breakGround({
    servers: { redisUrl: store.url },
    spillway: { stageTimeout: '500ms' },
  });
  await heatPages(ground);
  await ground.orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Page, 'hot 1')).hits += 3;
    em.create(Item, { id: 'item', text: 'a' });
    await em.flush();
    em.create(Receipt, { id: 'a', page: 'hot 1', hits: 3, item: 'item', text: 'a' });
    await em.flush();
    store.pause();
  }, stage());
  store.resume();
  const other = await ground.open({ worker: false });
  await eventually(async () => expect(await other.em.fork().findOne(Item, 'item')).toMatchObject({ text: 'a' }));
  expect(await other.em.fork().findOne(Page, 'hot 1')).toMatchObject({ hits: 3 });
  expect((await Spillway.of(other).status()).held).toBe(0);
  await settled(ground);
  expect(await agrees(ground)).toBe(1);
}, 60_000);

test('what is held survives a restart of Redis', async () => {
  await using store = await redis({ appendonly: 'yes', appendfsync: 'always' });
  await using ground = await breakGround({ servers: { redisUrl: store.url } });
  await heatPages(ground);
  await ground.orm.em.fork().transactional(async (em) => {
    (await em.findOneOrFail(Page, 'hot 1')).hits += 3;
    em.create(Item, { id: 'item', text: 'a' });
    await em.flush();
    em.create(Receipt, { id: 'a', page: 'hot 1', hits: 3, item: 'item', text: 'a' });
    await em.flush();
    await store.kill9();
    await store.restart();
  }, stage());
  await settled(ground);
  expect(await agrees(ground)).toBe(1);
}, 60_000);
