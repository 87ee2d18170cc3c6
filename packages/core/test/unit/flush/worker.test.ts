import { beforeEach, describe, expect, it } from 'vitest';
import { SpillwayError } from '../../../src/errors.js';
import { type SpillwayEvent, SpillwayEvents } from '../../../src/events.js';
import type { FlushSettings } from '../../../src/flush/flush-settings.js';
import type { FlushSteps } from '../../../src/flush/flush-shards.js';
import { StopClock } from '../../../src/flush/stop-clock.js';
import { FlushWorker } from '../../../src/flush/worker.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import { SinkDown } from '../../../src/sink/sink-failure.js';
import type { LookSide } from '../../../src/staging/look-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { ORIGIN } from '../../../src/change/token.js';
import { rowOf, stageIncrements } from './counters.js';
import { MemorySink } from './memory-sink.js';
import { VirtualTime } from './virtual-time.js';

const SHARDS = 8;
const ALL = { kind: 'all' } as const;
const NEVER = new Promise<never>(() => {});
const a = rowOf(1, 0, SHARDS);
const b = rowOf(1, 1, SHARDS);
const other = rowOf(2, 0, SHARDS);

let time: VirtualTime;
let staging: StagingStore;
let sink: MemorySink;
let events: SpillwayEvent[];

beforeEach(async () => {
  time = new VirtualTime();
  staging = memoryStaging({ shards: SHARDS, now: () => time.now });
  sink = new MemorySink(SHARDS);
  events = [];
  for (let shard = 0; shard < SHARDS; shard++) {
    await staging.adopt(shard, ORIGIN);
  }
});

function worker(
  workerId = 'w1',
  settings: Partial<FlushSettings> = {},
  steps?: FlushSteps,
  dueOf?: (due: StagingStore['due']) => StagingStore['due'],
): FlushWorker {
  const listened = new SpillwayEvents();
  listened.events$.subscribe((event) => events.push(event));
  return new FlushWorker({
    staging,
    sink,
    events: listened,
    workerId,
    settings,
    scheduler: time.scheduler,
    random: () => 0.5,
    ...(steps === undefined ? {} : { steps }),
    ...(dueOf === undefined ? {} : { looks: looksWith(dueOf(staging.due)) }),
  });
}

function looksWith(due: StagingStore['due']): LookSide {
  return {
    shards: SHARDS,
    due,
    peek: async (keys) => staging.peek(keys),
    settled: async (marks) => staging.settled(marks),
    chain: async (shard) => staging.chain(shard),
  };
}

/** Each flush takes so long, between its claim and its writing. */
function slow(ms: number): FlushSteps {
  return async (step) => {
    if (step === 'checked') {
      await time.wait(ms);
    }
  };
}

describe('a worker with one connection', () => {
  it('claims the next batches of other shards while one is written, and never two of one shard (R21)', async () => {
    const inHand = new Set<number>();
    let most = 0;
    let isTwice = false;
    const watched = new Proxy(staging, {
      get: (target, name) => {
        if (name === 'claim')
          return async (...args: Parameters<StagingStore['claim']>) => {
            const claim = await target.claim(...args);
            if (claim.status !== 'batch') return claim;
            isTwice ||= inHand.has(args[0]);
            inHand.add(args[0]);
            most = Math.max(most, inHand.size);
            return claim;
          };
        if (name === 'acknowledge')
          return async (...args: Parameters<StagingStore['acknowledge']>) => {
            const ours = await target.acknowledge(...args);
            inHand.delete(args[0]);
            return ours;
          };
        const member = Reflect.get(target, name) as unknown;
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
    for (let shard = 0; shard < SHARDS; shard++)
      for (let row = 0; row < 6; row++) await stageIncrements(staging, shard, [rowOf(shard, row, SHARDS)]);
    let open = 0;
    const steps: FlushSteps = async (step) => {
      if (step === 'checked') await time.wait(10);
      open = Math.max(open, sink.open.size);
    };
    const flushing = new FlushWorker({
      staging: watched,
      sink,
      events: new SpillwayEvents(),
      workerId: 'w1',
      settings: { concurrency: 1, batchSize: 2 },
      scheduler: time.scheduler,
      random: () => 0.5,
      steps,
    });
    flushing.start();
    await time.advance(2_000);
    expect((await staging.stats()).pending).toEqual({});
    expect([...sink.sums.values()]).toEqual(Array.from({ length: 6 * SHARDS }, () => 1));
    expect({ open, isTwice }).toEqual({ open: 1, isTwice: false });
    expect(most).toBeGreaterThan(1);
    await time.until(flushing.stop());
  });
});

describe('a worker', () => {
  it('writes a row when it has been quiet for the debounce time', async () => {
    const flushing = worker();
    flushing.start();
    for (let change = 0; change < 5; change++) {
      await stageIncrements(staging, 1, [a], { debounceMs: 100, maxDelayMs: 1_000 });
      flushing.wake([1]);
      await time.advance(60);
      expect(sink.commits).toBe(0);
    }
    await time.advance(100);
    expect(sink.sums.get(a)).toBe(5);
    expect(sink.commits).toBe(1);
  });

  it('writes a row that is never quiet after its longest delay', async () => {
    const flushing = worker();
    flushing.start();
    for (let change = 0; change < 25; change++) {
      await stageIncrements(staging, 1, [a], { debounceMs: 100, maxDelayMs: 500 });
      flushing.wake([1]);
      await time.advance(50);
    }
    expect(sink.commits).toBe(2);
    expect(sink.sums.get(a)).toBeGreaterThanOrEqual(20);
  });

  it('writes what another process has staged, unasked', async () => {
    const flushing = worker();
    flushing.start();
    await time.advance(30_000);
    await stageIncrements(staging, 1, [a]);
    await time.advance(1_100);
    expect(sink.sums.get(a)).toBe(1);
  });

  it('writes what this process has staged as soon as it is due, however long nothing was', async () => {
    const flushing = worker();
    flushing.start();
    for (const round of [1, 2, 3]) {
      await time.advance(60_000);
      await stageIncrements(staging, 1, [a], { debounceMs: 20, maxDelayMs: 20 });
      flushing.wake([1]);
      await time.advance(100);
      expect(sink.sums.get(a)).toBe(round);
    }
  });

  it('tells what it has written', async () => {
    const flushing = worker();
    flushing.start();
    await stageIncrements(staging, 1, [a, b]);
    await time.advance(200);
    expect(events).toEqual([
      { type: 'written', shard: 1, token: sink.last.get(1), records: 2, recordsAgain: 0, recordsDead: 0 },
    ]);
  });

  it('works on with a listener that throws and one that stages', async () => {
    const flushing = worker();
    const listened = new SpillwayEvents();
    const second = new FlushWorker({ staging, sink, events: listened, workerId: 'w2', scheduler: time.scheduler });
    await flushing.stop({ drain: false });
    listened.on('written', () => {
      throw new Error('a bad listener');
    });
    let answered = false;
    listened.on('written', () => {
      if (!answered) {
        answered = true;
        void stageIncrements(staging, 2, [other]).then(() => second.wake([2]));
      }
    });
    second.start();
    await stageIncrements(staging, 1, [a]);
    second.wake([1]);
    await time.advance(500);
    expect(Object.fromEntries(sink.sums)).toEqual({ [a]: 1, [other]: 1 });
  });

  it('shares the shards with another worker, and every change is written once', async () => {
    const workers = [worker('w1', {}, slow(5)), worker('w2', {}, slow(5))];
    for (const each of workers) {
      each.start();
    }
    for (let round = 0; round < 50; round++) {
      for (let shard = 0; shard < SHARDS; shard++) {
        await stageIncrements(staging, shard, [rowOf(shard, round % 3, SHARDS)], { debounceMs: 10, maxDelayMs: 20 });
      }
      await time.advance(7);
    }
    await time.advance(5_000);
    expect([...sink.sums.values()].reduce((sum, each) => sum + each, 0)).toBe(50 * SHARDS);
    expect((await staging.stats()).pending).toEqual({});
  });

  it('takes what is due in all shards into one transaction, and keeps no record waiting for more', async () => {
    let longest = 0;
    const stagedAt = new Map<string, number>();
    sink.decide = (_, rowKey) => {
      longest = Math.max(longest, time.now - (stagedAt.get(rowKey) ?? time.now));
      return undefined;
    };
    const flushing = worker('w1', { lingerMs: 25 });
    flushing.start();
    for (let change = 0; change < 200; change++) {
      const rowKey = rowOf(change % SHARDS, Math.trunc(change / SHARDS), SHARDS);
      await stageIncrements(staging, change % SHARDS, [rowKey]);
      stagedAt.set(rowKey, time.now);
      flushing.wake([change % SHARDS]);
      await time.advance(3);
    }
    await time.advance(100);
    expect(sink.sums.size).toBe(200);
    expect(200 / sink.commits).toBeGreaterThan(6);
    expect(longest).toBeLessThanOrEqual(25 + 2 * 5);
  });

  it('takes the ledger rows that have grown old out of the database now and then', async () => {
    const flushing = worker('w1', { pruneEveryMs: 60_000 });
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    await time.advance(30_000);
    expect(sink.ledger.size).toBe(1);
    await time.advance(31_000);
    expect(sink.ledger.size).toBe(0);
  });
});

describe('stopping a worker', () => {
  it('writes everything that is staged first, due or not', async () => {
    const flushing = worker();
    flushing.start();
    await stageIncrements(staging, 1, [a], { debounceMs: 60_000, maxDelayMs: 60_000 });
    expect(await time.until(flushing.stop())).toEqual({ left: 0 });
    expect(sink.sums.get(a)).toBe(1);
  });

  it('waits for the flush that runs, begins no other, and says how much is left', async () => {
    const flushing = worker('w1', {}, slow(300));
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    flushing.wake([1]);
    await time.advance(100);
    await stageIncrements(staging, 2, [other]);
    flushing.wake([2]);
    expect(await time.until(flushing.stop({ drain: false }))).toEqual({ left: 1 });
    expect(Object.fromEntries(sink.sums)).toEqual({ [a]: 1 });
  });

  it('ends at its deadline when the database is down; what is left stays staged (F7)', async () => {
    sink.down = new SinkDown('refused', 'unreachable');
    const flushing = worker();
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    expect(await time.until(flushing.stop({ timeoutMs: 5_000 }))).toEqual({ left: 1 });
    expect(time.now).toBeLessThanOrEqual(5_000);
    expect((await staging.stats()).pending).toEqual({ Product: 1 });
  });

  it('ends at its deadline when a flush hangs; what it has claimed counts as left', async () => {
    const flushing = worker('w1', {}, async (step) => {
      if (step === 'checked') await new Promise(() => {});
    });
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    flushing.wake([1]);
    await time.advance(200);
    const began = time.now;
    expect(await time.until(flushing.stop({ timeoutMs: 5_000 }))).toEqual({ left: 1 });
    expect(time.now - began).toBeLessThanOrEqual(5_000);
  });

  it.each([2_000, 200])(
    'ends %i ms and a moment later when the staging store is silent, and does not know what is left',
    async (timeoutMs) => {
      const silent: StagingStore = Object.create(staging, {
        due: {
          value: Object.fromEntries(['next', 'any', 'make', 'pending', 'rows'].map((name) => [name, () => NEVER])),
        },
        held: { value: { list: () => NEVER } },
        shards: { value: staging.shards },
      }) as StagingStore;
      const flushing = new FlushWorker({
        staging: silent,
        sink,
        events: new SpillwayEvents(),
        workerId: 'w1',
        scheduler: time.scheduler,
      });
      flushing.start();
      await time.advance(100);
      const began = time.now;
      expect(await time.until(flushing.stop({ timeoutMs }))).toEqual({ left: undefined });
      expect(time.now - began).toBeLessThanOrEqual(timeoutMs + 500);
    },
  );

  it('gives a flush that is about to commit the time that its drain has not used', async () => {
    const flushing = worker('w1', {}, slow(2_300));
    flushing.start();
    await stageIncrements(staging, 1, [a], { debounceMs: 60_000, maxDelayMs: 60_000 });
    // The drain gives up three quarters through; its flush lands before the end.
    expect(await time.until(flushing.stop({ timeoutMs: 2_700 }))).toEqual({ left: 0 });
    expect(sink.sums.get(a)).toBe(1);
    expect(time.now).toBeLessThanOrEqual(2_700);
  });

  it('ends sooner when it is told so meanwhile', async () => {
    sink.down = new SinkDown('refused', 'unreachable');
    const flushing = worker();
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    const clock = new StopClock(60_000, time.scheduler);
    const stopped = flushing.stop({}, clock);
    await time.advance(1_000);
    clock.bringForward(2_000);
    expect(await time.until(stopped)).toEqual({ left: 1 });
    expect(time.now).toBeLessThanOrEqual(3_000);
  });

  it('can be done twice, and nothing can be started or drained after it', async () => {
    const flushing = worker();
    await flushing.stop();
    await flushing.stop();
    flushing.wake([1]);
    expect(() => flushing.start()).toThrow(/has been stopped and cannot be started.*\[STOPPED\]/s);
    await expect(flushing.drain(ALL, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'STOPPED' });
  });
});

describe('what waits for a person', () => {
  it('is one event per shard however often it is tried, is tried again soon, and is known until it is right', async () => {
    sink.down = new SpillwayError('CONFIG_INVALID', 'there is no table');
    const flushing = worker();
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    await stageIncrements(staging, 2, [other]);
    flushing.wake([1, 2]);
    await time.advance(2_000);
    const paused = events.filter(({ type }) => type === 'paused');
    const shards = paused.flatMap((event) => ('shards' in event ? event.shards : []));
    expect(shards).toHaveLength(2);
    expect(new Set(shards)).toEqual(new Set([1, 2]));
    expect(events.filter(({ type }) => type === 'retry')).toEqual([]);
    expect(flushing.blockedBy).toEqual([sink.down, sink.down]);
    const tries = sink.begun;
    expect(tries).toBeGreaterThan(4);
    sink.down = undefined;
    await time.advance(4_000);
    expect(Object.fromEntries(sink.sums)).toEqual({ [a]: 1, [other]: 1 });
    expect(flushing.blockedBy).toEqual([]);
  });

  it('is over where another process has written it, or where nobody has tried it for a minute', async () => {
    sink.down = new SpillwayError('CONFIG_INVALID', 'there is no table');
    const [flushing, draining] = [worker(), worker('w2')];
    flushing.start();
    await stageIncrements(staging, 1, [a]);
    flushing.wake([1]);
    const tried = draining.drain(ALL, { timeoutMs: 500 });
    await expect(time.until(tried)).rejects.toMatchObject({ code: 'DRAIN_TIMEOUT' });
    expect([flushing.blockedBy, draining.blockedBy]).toEqual([[sink.down], [sink.down]]);
    const third = worker('w3');
    sink.down = undefined;
    expect(await time.until(third.drain(ALL, { timeoutMs: 1_000 }))).toEqual({ left: 0 });
    await time.advance(2_000);
    expect(flushing.blockedBy).toEqual([]);
    await time.advance(60_000);
    expect(draining.blockedBy).toEqual([]);
  });
});

describe('a drain', () => {
  it('writes what is staged, due or not, in a process whose worker was never started', async () => {
    const draining = worker();
    await stageIncrements(staging, 1, [a, b], { debounceMs: 60_000, maxDelayMs: 60_000 });
    await stageIncrements(staging, 2, [other]);
    expect(await time.until(draining.drain(ALL, { timeoutMs: 1_000 }))).toEqual({ left: 0 });
    expect(Object.fromEntries(sink.sums)).toEqual({ [a]: 1, [b]: 1, [other]: 1 });
    expect(sink.commits).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: 'drained', left: 0 });
    await time.advance(60_000);
    expect(sink.begun).toBe(1);
  });

  it('asks nothing of the database when nothing is staged', async () => {
    expect(await time.until(worker().drain(ALL, { timeoutMs: 1_000 }))).toEqual({ left: 0 });
    expect(sink.begun).toBe(0);
  });

  it('of one row writes that row', async () => {
    await stageIncrements(staging, 1, [a, b], { debounceMs: 60_000, maxDelayMs: 60_000 });
    const scope = { kind: 'rows', keys: [b] } as const;
    await time.until(worker().drain(scope, { timeoutMs: 1_000 }));
    expect(Object.fromEntries(sink.sums)).toEqual({ [b]: 1 });
  });

  it('goes on until a shard that fills many batches is empty', async () => {
    const rows = Array.from({ length: 40 }, (_, index) => rowOf(1, index, SHARDS));
    await stageIncrements(staging, 1, rows);
    await time.until(worker('w1', { batchSize: 3 }).drain(ALL, { timeoutMs: 60_000 }));
    expect(sink.sums.size).toBe(40);
  });

  it('ends although changes keep coming (H12)', async () => {
    const draining = worker('w1', {}, slow(20));
    await stageIncrements(staging, 1, [a], { debounceMs: 60_000, maxDelayMs: 60_000 });
    const open = new Set(['the drain']);
    const drained = draining.drain(ALL, { timeoutMs: 10_000 }).finally(() => open.clear());
    for (let round = 0; round < 100 && open.size > 0; round++) {
      await stageIncrements(staging, 1, [b]);
      await time.advance(5);
    }
    expect(open.size).toBe(0);
    expect(await drained).toEqual({ left: 0 });
    expect(sink.sums.get(a)).toBe(1);
  });

  it('does not wait for a record that has to be tried again, and counts its shard', async () => {
    sink.decide = (_, rowKey) =>
      rowKey === a ? { kind: 'again', attempts: 1, delayMs: 30_000, reason: 'its parent' } : undefined;
    await stageIncrements(staging, 1, [a, b]);
    await stageIncrements(staging, 2, [other]);
    expect(await time.until(worker().drain(ALL, { timeoutMs: 1_000 }))).toEqual({ left: 1 });
    expect(Object.fromEntries(sink.sums)).toEqual({ [b]: 1, [other]: 1 });
    expect((await staging.stats()).pending).toEqual({ Product: 1 });
  });

  it('counts the shard of a record that another process has tried in its stead, and put off', async () => {
    sink.decide = () => ({ kind: 'again', attempts: 1, delayMs: 30_000, reason: 'its parent' });
    await stageIncrements(staging, 1, [a]);
    const first = worker('w1', {}, slow(400));
    const drained = first.drain(ALL, { timeoutMs: 5_000 });
    await time.advance(50);
    expect(await time.until(worker('w2').drain(ALL, { timeoutMs: 5_000 }))).toEqual({ left: 1 });
    expect(await time.until(drained)).toEqual({ left: 1 });
  });

  it('sees that a record was put off before its own flush, which had others to write', async () => {
    await stageIncrements(staging, 1, [a]);
    const inBetween = (due: StagingStore['due']): StagingStore['due'] => ({
      ...due,
      make: async (scope) => {
        const made = await due.make(scope);
        if (sink.last.get(1) === 'T1') return made;
        await staging.claim(1, { token: 'T1', predecessor: ORIGIN, limit: 9 });
        const again = { kind: 'again', attempts: 1, delayMs: 30_000, reason: 'its parent' } as const;
        await staging.acknowledge(1, 'T1', new Map([[a, again]]), [a]);
        sink.last.set(1, 'T1');
        await stageIncrements(staging, 1, [b]);
        return made;
      },
    });
    const drained = worker('w1', {}, undefined, inBetween).drain(ALL, { timeoutMs: 5_000 });
    expect(await time.until(drained)).toEqual({ left: 1 });
    expect(Object.fromEntries(sink.sums)).toEqual({ [b]: 1 });
  });

  it('asks what is left only where its flush does not say so', async () => {
    let asked = 0;
    const counting = (due: StagingStore['due']): StagingStore['due'] => ({
      ...due,
      pending: async (watermarks) => {
        asked += 1;
        return due.pending(watermarks);
      },
    });
    const asks = async (settings: Partial<FlushSettings> = {}): Promise<number> => {
      asked = 0;
      await stageIncrements(staging, 1, [a, b]);
      await time.until(worker('w1', settings, undefined, counting).drain(ALL, { timeoutMs: 5_000 }));
      return asked;
    };
    expect(await asks()).toBe(0);
    expect(await asks({ batchSize: 1 })).toBeGreaterThan(0);
    sink.decide = () => ({ kind: 'again', attempts: 1, delayMs: 30_000, reason: 'its parent' });
    expect(await asks()).toBeGreaterThan(0);
  });

  it('waits for another process that is at it already', async () => {
    const first = worker('w1', {}, slow(400));
    await stageIncrements(staging, 1, [a]);
    const drained = first.drain(ALL, { timeoutMs: 5_000 });
    await time.advance(50);
    const result = await time.until(worker('w2').drain(ALL, { timeoutMs: 5_000 }));
    expect(result).toEqual({ left: 0 });
    expect(time.now).toBeGreaterThan(380);
    expect(sink.sums.get(a)).toBe(1);
    await time.until(drained);
  });

  it('goes on when the other process dies over it', async () => {
    const dying = await sink.begin([1]);
    await stageIncrements(staging, 1, [a]);
    const drained = worker().drain(ALL, { timeoutMs: 5_000 });
    await time.advance(300);
    await dying[Symbol.asyncDispose]();
    expect(await time.until(drained)).toEqual({ left: 0 });
    expect(sink.sums.get(a)).toBe(1);
  });

  it('shares its flushes with other drains of the same shards', async () => {
    const draining = worker('w1', {}, slow(10));
    await stageIncrements(staging, 1, [a]);
    const drains = Array.from({ length: 10 }, () => draining.drain(ALL, { timeoutMs: 5_000 }));
    await time.until(Promise.all(drains));
    expect(sink.begun).toBeLessThanOrEqual(2);
    expect(sink.sums.get(a)).toBe(1);
  });

  it('does not wait out the back-off of earlier failures', async () => {
    const draining = worker();
    await stageIncrements(staging, 1, [a]);
    draining.start();
    sink.decide = () => {
      throw new Error('a fault');
    };
    await time.advance(60_000);
    sink.decide = () => undefined;
    expect(await time.until(draining.drain(ALL, { timeoutMs: 500 }))).toEqual({ left: 0 });
  });

  it('that takes too long says what was drained, for how long, what is left and why', async () => {
    sink.down = new SinkDown('connect ECONNREFUSED 10.0.0.1:5432', 'unreachable');
    await stageIncrements(staging, 1, [a]);
    const scope = { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] } as const;
    const drained = time.until(worker().drain(scope, { timeoutMs: 2_000 }));
    await expect(drained).rejects.toMatchObject({
      code: 'DRAIN_TIMEOUT',
      message: expect.stringMatching(
        /^A drain of public\.product did not end within 2000 ms: 1 shards? still hold.*connect ECONNREFUSED.*stay staged.*\[DRAIN_TIMEOUT\]$/s,
      ) as unknown,
    });
    expect(time.now).toBeLessThan(2_010);

    const begun = sink.begun;
    await time.advance(60_000);
    expect(sink.begun - begun).toBeLessThanOrEqual(1);
  });
});
