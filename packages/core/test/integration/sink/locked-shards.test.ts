import { eventually } from '@spillway/test-support';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { JoinedPart, JoinedTransaction } from '../../../src/sink/change-sink.js';
import { key, NOBODY, SinkFixture, table } from './fixture.js';

/** A transaction of the application that needs a shard which a flush has. */

const product = table('product', { name: 'text' });
let fixture: SinkFixture;
let caller: pg.Client;
let joined: JoinedTransaction;

beforeAll(async () => {
  fixture = await SinkFixture.create(
    `create table product (id int primary key, version int, name text); insert into product values (1, 1, 'old')`,
    [product],
  );
});

beforeEach(async () => {
  caller = new pg.Client({ connectionString: fixture.url });
  await caller.connect();
  await caller.query('begin');
  joined = fixture.sink.join(async (text, values) => (await caller.query<object>(text, [...values])).rows);
});

afterEach(async () => {
  await caller.query('rollback');
  await caller.end();
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** As a promotion does it: an attempt without the shard is taken back. */
async function locking(part: JoinedPart): Promise<string> {
  const token = await part.lock(0);
  if (token === undefined) throw new Error('Somebody else flushes the shard');
  return token;
}

async function untilWaiting(pid: number): Promise<void> {
  await eventually(async () => {
    expect(await fixture.rows(`select wait_event_type as waits_for from pg_stat_activity where pid = ${pid}`)).toEqual([
      { waits_for: 'Lock' },
    ]);
  });
}

async function pidOf(client: pg.Client): Promise<number> {
  return Number((await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid);
}

async function lockTimeout(): Promise<unknown> {
  return (await caller.query<Record<string, unknown>>('show lock_timeout')).rows[0]?.['lock_timeout'];
}

test('it gets the shard when the flush has ended, with the token that the flush has entered', async () => {
  const flush = await fixture.sink.begin([0]);
  const pid = pidOf(caller);
  const attempt = pid.then(async () => joined.attempt(locking));
  await untilWaiting(await pid);
  const batch = fixture.batch([
    [key('product', '1'), { kind: 'update', base: '1', version: '2', values: { name: '"a"' } }],
  ]);
  await flush.write([batch], NOBODY);
  await flush.commit();
  await flush[Symbol.asyncDispose]();
  expect(await attempt).toBe(batch.token);
  expect(await lockTimeout()).toBe('0');
});

test('a flush that waits for its row gives way, and the shard is its own before the next flush', async () => {
  await caller.query('select from product where id = 1 for update');
  const pid = await pidOf(caller);
  const batch = fixture.batch([
    [key('product', '1'), { kind: 'update', base: '2', version: '3', values: { name: '"b"' } }],
  ]);
  const flushes = (async () => {
    const outcomes = await fixture.flush([batch]);
    // The next one is here at once, as in a drain.
    await using next = await fixture.sink.begin([0]);
    return { outcomes, next: next.locked.size };
  })();
  await eventually(async () => {
    const blocked = await fixture.rows(`select from pg_stat_activity where ${pid} = any(pg_blocking_pids(pid))`);
    expect(blocked).toHaveLength(1);
  });
  const attempt = joined.attempt(locking);
  await untilWaiting(pid);
  expect(await attempt).toBe(batch.token);
  const { outcomes, next } = await flushes;
  expect(outcomes.get(key('product', '1'))).toMatchObject({ kind: 'again' });
  expect(next).toBe(0);
});

test('a shard that nobody gives up is not waited for until the end, and the transaction goes on', async () => {
  await using flush = await fixture.sink.begin([0]);
  expect(flush.locked.size).toBe(1);
  await caller.query(`set local lock_timeout = '7s'`);
  await expect(joined.attempt(locking)).rejects.toThrow('Somebody else flushes the shard');
  expect(await lockTimeout()).toBe('7s');
});

test('of two transactions that wait for each other, one gives up, and the other goes on', async () => {
  const other = new pg.Client({ connectionString: fixture.url });
  await other.connect();
  await other.query('begin');
  const second = fixture.sink.join(async (text, values) => (await other.query<object>(text, [...values])).rows);
  try {
    await joined.attempt(locking);
    await second.attempt(async (part) => part.lock(1));
    const tries = await Promise.allSettled([
      joined.attempt(async (part) => (await part.lock(1)) ?? Promise.reject(new Error('no'))),
      second.attempt(async (part) => (await part.lock(0)) ?? Promise.reject(new Error('no'))),
    ]);
    expect(tries.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
    for (const client of [caller, other]) expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  } finally {
    await other.query('rollback');
    await other.end();
  }
});
