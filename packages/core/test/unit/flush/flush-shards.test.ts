import { asyncScheduler } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RowKey } from '../../../src/change/row-key.js';
import { type FlushDeps, flushShards, type FlushStep, type FlushSteps } from '../../../src/flush/flush-shards.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { ORIGIN } from '../../../src/change/token.js';
import { rowOf, stageIncrements } from './counters.js';
import { ForgetfulStaging } from './forgetful-staging.js';
import { killConnections, MemorySink } from './memory-sink.js';
import { VirtualTime } from './virtual-time.js';

const SHARDS = 4;
const LIMIT = 100;

const a = rowOf(1, 0, SHARDS);
const b = rowOf(1, 1, SHARDS);
const other = rowOf(2, 0, SHARDS);

let forgetful: ForgetfulStaging;
let sink: MemorySink;
let deps: FlushDeps & { readonly staging: StagingStore };

beforeEach(async () => {
  forgetful = new ForgetfulStaging(() => memoryStaging({ shards: SHARDS, now: () => 0 }));
  sink = new MemorySink(SHARDS);
  deps = { staging: forgetful.store, sink, scheduler: asyncScheduler, claimTimeoutMs: 1_000, onStagingLoss: 'park' };
  for (let shard = 0; shard < SHARDS; shard++) {
    await forgetful.store.adopt(shard, ORIGIN);
  }
});

/** Flushes, and answers the kind of each result, in the order of the shards. */
async function flush(shards: readonly number[], limit = LIMIT, steps?: FlushSteps): Promise<readonly string[]> {
  const report = await flushShards(shards, limit, steps === undefined ? deps : { ...deps, steps });
  return shards.map((shard) => report.get(shard)?.kind ?? 'none');
}

/**
 * A process that dies when it has done a step: what it was about to do never happens, and its connection goes with it.
 */
function dieAfter(step: FlushStep): FlushSteps {
  return async (done) => {
    if (done === step) {
      killConnections(sink);
      throw new Error('killed');
    }
  };
}

/** A process that stands still when it has done a step, until it is let go on. */
function standStillAfter(step: FlushStep): {
  readonly steps: FlushSteps;
  readonly reached: Promise<void>;
  goOn(): void;
} {
  const reached = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const steps: FlushSteps = async (done) => {
    if (done === step) {
      reached.resolve();
      await going.promise;
    }
  };
  return { steps, reached: reached.promise, goOn: () => going.resolve() };
}

function sums(): Readonly<Record<RowKey, number>> {
  return Object.fromEntries(sink.sums);
}

describe('a flush', () => {
  it('writes what is due in several shards in one transaction', async () => {
    await stageIncrements(deps.staging, 1, [a, b]);
    await stageIncrements(deps.staging, 2, [other]);
    await stageIncrements(deps.staging, 2, [other]);
    expect(await flush([1, 2, 3])).toEqual(['done', 'done', 'nothing']);
    expect(sums()).toEqual({ [a]: 1, [b]: 1, [other]: 2 });
    expect(sink.commits).toBe(1);
    expect((await deps.staging.stats()).pending).toEqual({});
  });

  it('says that there is more when a batch is as large as it may be', async () => {
    await stageIncrements(deps.staging, 1, [a, b]);
    const first = (await flushShards([1], 1, deps)).get(1);
    expect(first).toMatchObject({ kind: 'done', more: true, ours: true });
    const second = (await flushShards([1], 2, deps)).get(1);
    expect(second).toMatchObject({ kind: 'done', more: false });
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });
  });

  it('gives every batch the next position in the chain of its shard', async () => {
    for (let round = 1; round <= 3; round++) {
      await stageIncrements(deps.staging, 1, [a]);
      await flush([1]);
      expect(sink.last.get(1)).toMatch(new RegExp(`^00000000000${round}-`));
    }
  });

  it('opens no transaction for longer than it takes to see that there is nothing', async () => {
    expect(await flush([1])).toEqual(['nothing']);
    expect(sink.open.size).toBe(0);
    expect(sink.commits).toBe(0);
  });

  it('leaves a shard whose claim hangs out of the transaction, and the others commit (H7)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    await stageIncrements(deps.staging, 2, [other]);
    const time = new VirtualTime();
    const hanging = new Proxy(deps.staging, {
      get: (target, name) => {
        if (name === 'claim') {
          return (shard: number, request: never) =>
            shard === 1 ? new Promise(() => {}) : target.claim(shard, request);
        }
        return Reflect.get(target, name) as unknown;
      },
    });
    const report = await time.until(
      flushShards([1, 2], LIMIT, { ...deps, staging: hanging, scheduler: time.scheduler, claimTimeoutMs: 200 }),
    );
    expect(time.now).toBeLessThanOrEqual(202);
    expect(report.get(1)).toMatchObject({ kind: 'failed', failure: { kind: 'staging' } });
    expect(report.get(2)).toMatchObject({ kind: 'done' });
    expect(sums()).toEqual({ [other]: 1 });

    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 1, [other]: 1 });
  });

  it('adopts a shard that the staging store has lost, and parks nothing (H14)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    await flush([1]);
    await forgetful.fallBack(0);
    expect(await flush([1])).toEqual(['parked']);
    expect((await deps.staging.stats()).dead).toBe(0);
    await stageIncrements(deps.staging, 1, [a]);
    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 2 });
    expect(await deps.staging.deadLetters.list()).toEqual([]);
  });
});

describe('a flush that is cut off', () => {
  const before: readonly FlushStep[] = ['begun', 'claimed', 'checked', 'written'];

  it.each(before)('after "%s" is done again, once (F3, F4)', async (step) => {
    await stageIncrements(deps.staging, 1, [a, b]);
    expect(await flush([1], LIMIT, dieAfter(step))).toEqual(['failed']);
    expect(sums()).toEqual({});
    await stageIncrements(deps.staging, 1, [a]);
    expect(await flush([1])).toEqual(['done']);
    await flush([1]);
    expect(sums()).toEqual({ [a]: 2, [b]: 1 });
  });

  it('between commit and acknowledge is found in the ledger, and not applied again (F5)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    expect(await flush([1], LIMIT, dieAfter('committed'))).toEqual(['failed']);
    expect(sums()).toEqual({ [a]: 1 });
    expect((await deps.staging.stats()).inFlight).toBe(1);
    expect((await flushShards([1], LIMIT, deps)).get(1)).toMatchObject({ kind: 'done', ours: true, more: true });
    expect(sums()).toEqual({ [a]: 1 });
    expect((await deps.staging.stats()).inFlight).toBe(0);
  });

  it('by the loss of the answer to its commit releases nothing: the ledger decides (C7, F6)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    sink.loseCommitAnswer = true;
    expect(await flush([1])).toEqual(['failed']);
    await stageIncrements(deps.staging, 1, [a]);
    expect((await deps.staging.stats()).inFlight).toBe(1);

    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 1 });
    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 2 });
    expect(await deps.staging.deadLetters.list()).toEqual([]);
  });

  it('acknowledges by the outcome in the ledger, so that a rejected record is not taken for a written one (C2)', async () => {
    await stageIncrements(deps.staging, 1, [a, b]);
    sink.decide = (_, rowKey) =>
      rowKey === a ? { kind: 'buried', code: '23514', reason: 'check', rejected: true, counted: false } : undefined;
    await flush([1], LIMIT, dieAfter('committed'));
    await flush([1]);
    expect(sums()).toEqual({ [b]: 1 });
    expect(await deps.staging.deadLetters.list()).toMatchObject([{ rowKey: a, code: '23514' }]);
    expect((await deps.staging.stats()).pending).toEqual({});
  });

  it('is known by the last token where the ledger no longer remembers it (M8)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    await flush([1], LIMIT, dieAfter('committed'));
    await sink.prune();
    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 1 });
    expect(await deps.staging.deadLetters.list()).toEqual([]);
  });
});

describe('two workers on one shard (F9)', () => {
  it('do not flush it at the same time', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    const first = standStillAfter('claimed');
    const flushing = flush([1], LIMIT, first.steps);
    await first.reached;
    expect(await flush([1])).toEqual(['busy']);
    first.goOn();
    expect(await flushing).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 1 });
  });

  it('apply a batch once when the connection of the first has died unnoticed', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    const first = standStillAfter('checked');
    const flushing = flush([1], LIMIT, first.steps);
    await first.reached;
    killConnections(sink);
    expect(await flush([1])).toEqual(['done']);
    first.goOn();
    expect(await flushing).toEqual(['failed']);
    expect(sums()).toEqual({ [a]: 1 });
  });

  it('do not take a shard for broken when the first, its connection dead, claims late', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    const first = standStillAfter('begun');
    const flushing = flush([1], LIMIT, first.steps);
    await first.reached;
    killConnections(sink);
    expect(await flush([1])).toEqual(['done']);
    await stageIncrements(deps.staging, 1, [b]);
    first.goOn();
    expect(await flushing).toEqual(['failed']);
    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });
    expect(await deps.staging.deadLetters.list()).toEqual([]);
  });
});

describe('a staging store that falls back', () => {
  it('applies nothing twice, though only a part was claimed by a worker whose connection had died (C1)', async () => {
    await stageIncrements(deps.staging, 1, [a, b]);
    // The second worker has read the last token; its connection dies, and its claim is still on the wire.
    const second = standStillAfter('begun');
    const secondFlush = flush([1], 1, second.steps);
    await second.reached;
    killConnections(sink);
    // The first claims both.
    const beforeClaim = forgetful.now();
    const first = standStillAfter('checked');
    const firstFlush = flush([1], LIMIT, first.steps);
    await first.reached;
    // The staging store forgets that claim, and the late one takes one of the two.
    await forgetful.fallBack(beforeClaim);
    second.goOn();
    expect(await secondFlush).toEqual(['failed']);
    first.goOn();
    await firstFlush;
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });

    expect(await flush([1], 1)).toEqual(['parked']);
    expect(await flush([1])).toEqual(['nothing']);
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });
    const letters = await deps.staging.deadLetters.list();
    expect(letters.map(({ code }) => code)).toEqual(['STAGING_LOSS', 'STAGING_LOSS']);
    await stageIncrements(deps.staging, 1, [a]);
    expect(await flush([1])).toEqual(['done']);
    expect(sums()).toEqual({ [a]: 2, [b]: 1 });
  });

  it('parks what may have been written when it has forgotten an acknowledged batch (F36)', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    const staged = forgetful.now();
    await flush([1]);
    await forgetful.fallBack(staged);
    expect(await flush([1])).toEqual(['parked']);
    expect(sums()).toEqual({ [a]: 1 });
    expect(await flush([1])).toEqual(['nothing']);
  });

  it('is not healed by a worker that no longer holds the shard', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    const staged = forgetful.now();
    await flush([1]);
    await forgetful.fallBack(staged);
    const late = standStillAfter('claimed');
    const lateFlush = flush([1], LIMIT, late.steps);
    await late.reached;
    killConnections(sink);
    late.goOn();
    expect(await lateFlush).toEqual(['failed']);
    expect((await deps.staging.stats()).dead).toBe(0);
  });
});

describe('a database that has forgotten (F34)', () => {
  it('gets what is staged all the same, and it is reported', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    await flush([1]);
    sink.last.set(1, ORIGIN);
    sink.ledger.clear();
    sink.sums.clear();
    await stageIncrements(deps.staging, 1, [b]);
    const report = await flushShards([1], LIMIT, deps);
    expect(report.get(1)).toMatchObject({ kind: 'done', databaseForgot: true });
    expect(sums()).toEqual({ [b]: 1 });
    expect(sink.last.get(1)).toMatch(/^000000000002-/);

    await stageIncrements(deps.staging, 1, [b]);
    expect((await flushShards([1], LIMIT, deps)).get(1)).toMatchObject({ kind: 'done', databaseForgot: false });
    expect(sums()).toEqual({ [b]: 2 });
    expect((await deps.staging.stats()).dead).toBe(0);
  });

  it('gets the batch in flight too', async () => {
    await stageIncrements(deps.staging, 1, [a]);
    await flush([1]);
    await stageIncrements(deps.staging, 1, [b]);
    await flush([1], LIMIT, dieAfter('claimed'));
    sink.last.set(1, ORIGIN);
    sink.ledger.clear();
    expect((await flushShards([1], LIMIT, deps)).get(1)).toMatchObject({ kind: 'done', databaseForgot: true });
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });
  });
});
