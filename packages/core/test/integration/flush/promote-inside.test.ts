import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@spillway/test-support';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RowKey } from '../../../src/change/row-key.js';
import type { FlushStep, FlushSteps } from '../../../src/flush/flush-shards.js';
import { rowOf, stageIncrements } from '../../unit/flush/counters.js';
import { Caller } from './caller.js';
import { FlushFixture, idOf, SHARDS } from './fixture.js';

/**
 * What a transaction meets when it promotes: batches that others have left behind, and others that promote at the same
 * time.
 */

const SHARD = 1;
const OTHER_SHARD = 2;

let fixture: FlushFixture;
let index = 0;
/** Two rows of one shard, and one of another; of each test its own. */
let first: RowKey;
let second: RowKey;
let elsewhere: RowKey;

beforeAll(async () => {
  fixture = await FlushFixture.create();
});

afterAll(() => fixture[Symbol.asyncDispose]());

beforeEach(() => {
  index += 2;
  first = rowOf(SHARD, index, SHARDS);
  second = rowOf(SHARD, index + 1, SHARDS);
  elsewhere = rowOf(OTHER_SHARD, index, SHARDS);
});

afterEach(async () => {
  const { dead, inFlight } = await fixture.staging.stats();
  if (dead + inFlight > 0) throw new Error(`A test has left ${dead} dead letters and ${inFlight} records in flight`);
});

/** A worker that dies at that step. */
function dyingAfter(step: FlushStep): FlushSteps {
  return async (done) => {
    if (done === step) throw new Error('killed');
  };
}

/** Goes on without waiting. */
function onceAfter(step: FlushStep, then: () => void): FlushSteps {
  return async (done) => {
    if (done === step) then();
  };
}

async function stock(row: RowKey): Promise<number> {
  const { rows } = await fixture.sql.query<{ stock: number }>('select stock from product where id = $1', [idOf(row)]);
  return rows[0]?.stock ?? 0;
}

/** Whatever is left to flush is flushed, and then nothing is left. */
async function flushAll(): Promise<void> {
  await eventually(async () => {
    await fixture.flush([SHARD, OTHER_SHARD]);
    const { pending } = await fixture.staging.stats();
    expect(Object.values(pending).filter((rows) => rows > 0)).toEqual([]);
  });
}

async function isInFlight(row: RowKey): Promise<boolean> {
  return (await fixture.staging.peek([row])).get(row)?.inFlight !== undefined;
}

describe('C3 (d): the batch of a crashed worker is in flight when another row of its shard is promoted', () => {
  beforeEach(async () => {
    await stageIncrements(fixture.staging, SHARD, [first]);
  });

  test.each(['claimed', 'written'] as const)('it had died when it was "%s": both are written, once', async (step) => {
    await fixture.flush([SHARD], 100, { steps: dyingAfter(step) });
    expect(await isInFlight(first)).toBe(true);
    await stageIncrements(fixture.staging, SHARD, [second]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.promote([second])).toEqual([]);
    expect(await caller.stock(idOf(second))).toBe(1);
    // Nothing of it is acknowledged before the transaction has ended.
    expect([await isInFlight(first), await isInFlight(second)]).toEqual([true, true]);
    expect(await caller.commit()).toBe(true);
    expect([await isInFlight(first), await isInFlight(second)]).toEqual([false, false]);
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });

  test('the transaction is rolled back: the next flush writes both', async () => {
    await fixture.flush([SHARD], 100, { steps: dyingAfter('claimed') });
    await stageIncrements(fixture.staging, SHARD, [second]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.promote([second])).toEqual([]);
    await caller.rollback();
    expect([await stock(first), await stock(second)]).toEqual([0, 0]);
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });

  test('it had committed: its batch is acknowledged, and the row is one of the transaction', async () => {
    await fixture.flush([SHARD], 100, { steps: dyingAfter('committed') });
    expect(await isInFlight(first)).toBe(true);
    await stageIncrements(fixture.staging, SHARD, [second]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.promote([second])).toEqual([]);
    expect([await isInFlight(first), await isInFlight(second)]).toEqual([false, true]);
    await caller.rollback();
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });
});

describe('C3 (a): a batch that the transaction itself has entered, and does not know for its own any more', () => {
  test.each(['commit', 'rollback'] as const)('is not acknowledged before the %s, and is added to', async (end) => {
    await stageIncrements(fixture.staging, SHARD, [first]);
    await using caller = await Caller.begin(fixture);
    await caller.savepoint();
    expect(await caller.promote([first])).toEqual([]);
    await caller.releaseUnnoticed();
    await stageIncrements(fixture.staging, SHARD, [second]);
    expect(await caller.promote([second])).toEqual([]);
    expect(await isInFlight(first)).toBe(true);
    await caller[end]();
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });
});

describe('C3 (b): a savepoint that only PostgreSQL knows of', () => {
  test.each(['commit', 'rollback'] as const)(
    'is rolled back to after a promotion; the row is promoted again, and %s',
    async (end) => {
      await stageIncrements(fixture.staging, SHARD, [first]);
      await using caller = await Caller.begin(fixture);
      await caller.client.query('savepoint raw');
      expect(await caller.promote([first])).toEqual([]);
      await caller.client.query('rollback to savepoint raw');
      await stageIncrements(fixture.staging, SHARD, [first, second]);
      await caller.promote([first, second]);
      await caller[end]();
      await flushAll();
      expect([await stock(first), await stock(second)]).toEqual([2, 1]);
    },
  );
});

describe('H6 (a): nobody waits for a transaction that waits for him', () => {
  test('a worker that has the shard meets the row that a transaction has locked, which promotes it', async () => {
    await stageIncrements(fixture.staging, SHARD, [first, second]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.lock(idOf(first))).toBe(true);
    const promoting = Promise.withResolvers<void>();
    const [flushed, left] = await Promise.all([
      // It has the shard already when the transaction asks for it.
      fixture.flush([SHARD], 100, { steps: onceAfter('claimed', promoting.resolve) }),
      promoting.promise.then(() => caller.promote([first], 3_000)),
    ]);
    expect([flushed, left]).toEqual([['done'], []]);
    expect(await caller.commit()).toBe(true);
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });

  test('a flush that would wait for minutes sees that the transaction waits for it', async () => {
    const sink = fixture.openSink({ limits: { lockTimeoutMs: 300_000, statementTimeoutMs: 300_000 } });
    await stageIncrements(fixture.staging, SHARD, [first, second]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.lock(idOf(first))).toBe(true);
    const promoting = Promise.withResolvers<void>();
    const [flushed, left] = await Promise.all([
      fixture.flush([SHARD], 100, { sink, steps: onceAfter('claimed', promoting.resolve) }),
      promoting.promise.then(() => caller.promote([first], 20_000)),
    ]);
    expect([flushed, left]).toEqual([['done'], []]);
    expect(await stock(second)).toBe(1);
    expect(await caller.commit()).toBe(true);
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([1, 1]);
  });

  test('a transaction gets the shard although one flush follows the other', async () => {
    await stageIncrements(fixture.staging, SHARD, [first]);
    await using caller = await Caller.begin(fixture);
    expect(await caller.lock(idOf(first))).toBe(true);
    const over = new AbortController();
    const flushing = (async () => {
      while (!over.signal.aborted) {
        await fixture.staging.due.make({ kind: 'all' });
        await fixture.flush([SHARD]);
      }
    })();
    // It would find the shard free only now and then.
    const lefts: (readonly RowKey[])[] = [];
    for (let round = 0; round < 5; round += 1) {
      lefts.push(await caller.promote([first], 2_000));
      await stageIncrements(fixture.staging, SHARD, [first]);
    }
    over.abort();
    await flushing;
    expect(lefts).toEqual([[], [], [], [], []]);
    expect(await caller.commit()).toBe(true);
    await flushAll();
    expect(await stock(first)).toBe(6);
  });

  test('two transactions promote rows of two shards, one after the other, in opposite orders', async () => {
    const last = rowOf(OTHER_SHARD, index + 1, SHARDS);
    await stageIncrements(fixture.staging, SHARD, [first, second]);
    await stageIncrements(fixture.staging, OTHER_SHARD, [elsewhere, last]);
    await using one = await Caller.begin(fixture);
    await using other = await Caller.begin(fixture);
    expect([await one.promote([first]), await other.promote([last])]).toEqual([[], []]);
    // Each has what the other wants: both are told so, and neither is ended by PostgreSQL.
    const left = await Promise.all([one.promote([elsewhere], 300), other.promote([second], 300)]);
    expect(left).toEqual([[elsewhere], [second]]);
    expect([await one.commit(), await other.commit()]).toEqual([true, true]);
    await flushAll();
    for (const row of [first, second, elsewhere, last]) expect(await stock(row)).toBe(1);
  });
});

test('when its time is up a transaction leaves the shards that are left to others', async () => {
  await stageIncrements(fixture.staging, SHARD, [first]);
  await stageIncrements(fixture.staging, OTHER_SHARD, [elsewhere]);
  await using caller = await Caller.begin(fixture, async (step) => {
    if (step === 'entered') await pause(100);
  });
  expect(await caller.promote([first, elsewhere], 80)).toEqual([elsewhere]);
  expect(await isInFlight(elsewhere)).toBe(false);
  await caller.commit();
  await flushAll();
  expect([await stock(first), await stock(elsewhere)]).toEqual([1, 1]);
});

describe('H6 (c): a shard is closed to flushes while a transaction that has promoted in it is idle', () => {
  test.each(['commit', 'rollback', 'die'] as const)(
    'others go on staging in it and flushing elsewhere, nobody waits, and after its %s nothing is lost',
    async (end) => {
      await stageIncrements(fixture.staging, SHARD, [first]);
      await using caller = await Caller.begin(fixture);
      expect(await caller.promote([first])).toEqual([]);
      await stageIncrements(fixture.staging, SHARD, [first, second]);
      await stageIncrements(fixture.staging, OTHER_SHARD, [elsewhere]);
      expect(await fixture.flush([SHARD, OTHER_SHARD])).toEqual(['busy', 'done']);
      await using another = await Caller.begin(fixture);
      expect(await another.promote([second], 50)).toEqual([second]);
      await another.commit();
      expect((await fixture.staging.peek([second])).get(second)?.dirty).toMatchObject({ deltas: { stock: '1' } });
      expect([await stock(first), await stock(second), await stock(elsewhere)]).toEqual([0, 0, 1]);
      await caller[end]();
      await flushAll();
      expect([await stock(first), await stock(second), await stock(elsewhere)]).toEqual([2, 1, 1]);
    },
  );
});

describe('M8: the outcomes of a batch that nobody has acknowledged', () => {
  beforeEach(async () => {
    // One that PostgreSQL refuses: stock is less than 1,000.
    await fixture.sql.query('update product set stock = 999 where id = $1', [idOf(first)]);
    await stageIncrements(fixture.staging, SHARD, [first]);
    await fixture.flush([SHARD], 100, { steps: dyingAfter('committed') });
    await stageIncrements(fixture.staging, SHARD, [second]);
  });

  test('are still in the ledger however it is pruned, and reach the staging store through a promotion', async () => {
    await fixture.sink.prune(0, []);
    await using caller = await Caller.begin(fixture);
    expect(await caller.promote([second])).toEqual([]);
    expect(await caller.commit()).toBe(true);
    const [letter, ...others] = await fixture.staging.deadLetters.list();
    expect([letter, others]).toMatchObject([{ rowKey: first, code: '23514' }, []]);
    await fixture.sql.query('update product set stock = 5 where id = $1', [idOf(first)]);
    expect(letter && (await fixture.staging.deadLetters.retry(letter, { force: true }))).toBe('staged');
    await flushAll();
    expect([await stock(first), await stock(second)]).toEqual([6, 1]);
  });
});
