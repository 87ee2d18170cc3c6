import {
  database,
  eventually,
  freshNamespace,
  postgres,
  redis,
  sharedRedisUrl,
  TcpProxy,
} from '@spillway/test-support';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { Spillway } from '../../../src/index.js';
import { startStrictly, type Child } from './child.js';
import { Gauge, GAUGE_TABLE, openGauges } from './gauge.js';
import { runSql } from './sql.js';
import type { StoppingSettings } from './programs/stopping.js';

/** Far above what a stop may take beyond its time, far below what anything that it could wait for takes. */
const MUCH_LATER_MS = 2_500;
const TIMEOUT_MS = 500;

/** Stops it, and makes sure that it kept its word, and that nothing of it is left that would keep the process. */
async function stopped(child: Child): Promise<{ readonly ms: number; readonly left: number | null }> {
  child.signal('SIGTERM');
  await child.says({ stopping: true });
  const began = performance.now();
  const { end, said, errors } = await child.ended();
  const endedMs = performance.now() - began;
  const report = said.find((line) => (line as { stopped?: boolean }).stopped) as { ms: number; left: number | null };
  expect({ end, errors, report }).toMatchObject({ end: 0, errors: '', report: { ms: expect.any(Number) } });
  expect(report.ms).toBeLessThan(TIMEOUT_MS + MUCH_LATER_MS);
  expect(endedMs).toBeLessThan(TIMEOUT_MS + MUCH_LATER_MS + 1_000);
  return report;
}

async function gauges(url: string): Promise<void> {
  await runSql(url, `${GAUGE_TABLE}; insert into gauge select i, 0, 1 from generate_series(1, 50) as i`);
}

function start(place: Pick<StoppingSettings, 'databaseUrl'> & Partial<StoppingSettings>): Child {
  const namespace = freshNamespace();
  return startStrictly('stopping.ts', { redisUrl: sharedRedisUrl(), namespace, timeoutMs: TIMEOUT_MS, ...place });
}

/** Another round, so that something is pending, or waits for an answer. */
async function goesOn(child: Child): Promise<void> {
  const lines = child.said.length;
  await eventually(() => child.said.length > lines, { what: 'another change to be staged' });
}

describe('a stop keeps its time, says what is left, and leaves nothing open', () => {
  test.each<[string, Partial<StoppingSettings>]>([
    ['', {}],
    [', by orm.close() after stopWithin()', { way: 'close' }],
    [', by stopWithin() while it is stopping', { way: 'hurried' }],
    [', by a second stop() while it is stopping', { way: 'twice' }],
    [', in a process that does not write', { options: { worker: false } }],
    [', with a cache that has been asked', { way: 'close', isCached: true }],
  ])('while the backends of PostgreSQL are frozen%s', async (_, settings) => {
    await using server = await postgres();
    await using db = await database({ url: server.url });
    await gauges(db.url);
    await using child = start({ databaseUrl: db.url, ...settings });
    await child.says({ ready: true });
    const frozen = await freezeBackends(db.url);
    try {
      await goesOn(child);
      await goesOn(child);
      expect((await stopped(child)).left).toBe(1);
    } finally {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
    }
  });

  test('while Redis is frozen', async () => {
    await using server = await redis();
    await using db = await database();
    await gauges(db.url);
    await using child = start({ databaseUrl: db.url, redisUrl: server.url });
    await child.says({ ready: true });
    await goesOn(child);
    server.pause();
    expect((await stopped(child)).left).toBeNull();
    server.resume();
  });

  test('while somebody has locked the table', async () => {
    await using db = await database();
    await gauges(db.url);
    await using child = start({ databaseUrl: db.url, rows: 20 });
    await child.says({ ready: true });
    const locking = new pg.Client({ connectionString: db.url });
    await locking.connect();
    try {
      await locking.query('begin; lock table gauge in access exclusive mode');
      await goesOn(child);
      await goesOn(child);
      expect((await stopped(child)).left).toBeGreaterThan(0);
    } finally {
      await locking.end();
    }
  });

  test('while the server of the pool is gone', async () => {
    await using db = await database();
    await gauges(db.url);
    const proxy = await TcpProxy.before(db.url);
    await using child = start({ databaseUrl: proxy.url });
    await child.says({ ready: true });
    await goesOn(child);
    await proxy[Symbol.asyncDispose]();
    await goesOn(child);
    expect((await stopped(child)).left).toBe(1);
  });

  test('while it is opening, and PostgreSQL does not answer', async () => {
    await using server = await postgres();
    await using db = await database({ url: server.url });
    const [{ pid } = { pid: 0 }] = (await runSql(
      db.url,
      `select pid from pg_stat_activity where backend_type = 'checkpointer'`,
    )) as { pid: number }[];
    const postmaster = await parentOf(pid);
    process.kill(postmaster, 'SIGSTOP');
    try {
      await using child = start({ databaseUrl: db.url, isOpening: true });
      await child.says({ opening: true });
      expect((await stopped(child)).left).toBeNull();
    } finally {
      process.kill(postmaster, 'SIGCONT');
    }
  });

  test('while it is opening, and Redis does not answer', async () => {
    await using server = await redis();
    await using db = await database();
    await gauges(db.url);
    server.pause();
    await using child = start({ databaseUrl: db.url, redisUrl: server.url, isOpening: true });
    await child.says({ opening: true });
    expect((await stopped(child)).left).toBeNull();
    server.resume();
  });
});

test('Spillway ends in its time though a connection of MikroORM broke in a transaction, for which orm.close() waits', async () => {
  await using db = await database();
  await gauges(db.url);
  const proxy = await TcpProxy.before(db.url);
  const orm = await openGauges({ databaseUrl: proxy.url, redisUrl: sharedRedisUrl(), namespace: freshNamespace() });
  const service = Spillway.of(orm);
  await service.increment(Gauge, 1, { value: 1 });
  const broken = orm.em.fork().transactional(async (em) => {
    await em.getConnection().execute('select 1', [], 'all', em.getTransactionContext());
    await proxy[Symbol.asyncDispose]();
  });
  // By which of the two depends on whether `pg` has seen the end of the socket when it is asked to commit.
  await expect(broken).rejects.toThrow(/Connection terminated|not queryable/);
  const began = performance.now();
  service.stopWithin(TIMEOUT_MS);
  // MikroORM never gives that connection back to its pool, so its own part may not end.
  orm.close().catch(() => undefined);
  expect(await service.stop()).toEqual({ left: 1 });
  expect(performance.now() - began).toBeLessThan(TIMEOUT_MS + MUCH_LATER_MS);
});

/** The connections of Spillway, as if the machine of the server had been suspended. */
async function freezeBackends(url: string): Promise<readonly number[]> {
  const found = (await runSql(
    url,
    `select pid from pg_stat_activity where application_name = 'spillway' and datname = current_database()`,
  )) as { pid: number }[];
  const pids = found.map(({ pid }) => pid);
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  return pids;
}

async function parentOf(pid: number): Promise<number> {
  const [, parent] = /^PPid:\s+(\d+)/mu.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(parent);
}
