import { asyncScheduler } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Ahead } from '../../../src/flush/claim-ahead.js';
import { type FlushDeps, flushShards, type FlushStep } from '../../../src/flush/flush-shards.js';
import { Slots } from '../../../src/flush/slots.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { Batch } from '../../../src/staging/flush-side.js';
import { SpillwayError } from '../../../src/errors.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { ORIGIN } from '../../../src/change/token.js';
import { rowOf, stageIncrements } from './counters.js';
import { killConnections, MemorySink } from './memory-sink.js';

const SHARDS = 4;
const LIMIT = 100;

const a = rowOf(1, 0, SHARDS);
const b = rowOf(1, 1, SHARDS);

let staging: StagingStore;
let sink: MemorySink;
let deps: FlushDeps;
let ahead: Ahead;
let busy: Disposable | undefined;

beforeEach(async () => {
  staging = memoryStaging({ shards: SHARDS, now: () => 0 });
  sink = new MemorySink(SHARDS);
  deps = { staging, sink, scheduler: asyncScheduler, claimTimeoutMs: 1_000, onStagingLoss: 'park' };
  const lastTokens = new Map([...Array(SHARDS).keys()].map((shard) => [shard, ORIGIN]));
  ahead = { slots: new Slots(1), lastTokens };
  for (let shard = 0; shard < SHARDS; shard++) await staging.adopt(shard, ORIGIN);
  busy = ahead.slots.takeFree();
});

/** A flush that has claimed its batch while the one connection is at work. */
async function claimedAhead(): Promise<{ end(): Promise<string | undefined> }> {
  const claimed = Promise.withResolvers<void>();
  const steps = async (step: string): Promise<void> => {
    if (step === 'claimed-ahead') claimed.resolve();
  };
  const report = flushShards([1], LIMIT, { ...deps, ahead, steps });
  await claimed.promise;
  return {
    async end() {
      busy?.[Symbol.dispose]();
      return (await report).get(1)?.kind;
    },
  };
}

async function flush(diesAfter?: FlushStep): Promise<string | undefined> {
  const steps = async (step: string): Promise<void> => {
    if (step !== diesAfter) return;
    killConnections(sink);
    throw new Error('killed');
  };
  return (await flushShards([1], LIMIT, { ...deps, steps })).get(1)?.kind;
}

function sums(): object {
  return Object.fromEntries(sink.sums);
}

describe('a batch that is claimed before its shard is held', () => {
  it('is written once the connection is free', async () => {
    await stageIncrements(staging, 1, [a]);
    const first = await claimedAhead();
    expect((await staging.stats()).inFlight).toBe(1);
    expect(sink.begun).toBe(0);
    await stageIncrements(staging, 1, [a]);
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 1 });
    expect(await flush()).toBe('done');
    expect(sums()).toEqual({ [a]: 2 });
  });

  it('is looked up like any other: another flush may have written it and died (R14)', async () => {
    await stageIncrements(staging, 1, [a]);
    const first = await claimedAhead();
    expect(await flush('committed')).toBe('failed');
    expect(sums()).toEqual({ [a]: 1 });
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 1 });
    expect((await staging.stats()).dead).toBe(0);
    await stageIncrements(staging, 1, [a]);
    expect(await flush()).toBe('done');
    expect(sums()).toEqual({ [a]: 2 });
  });

  it('is not written again where the ledger no longer remembers it (R14, M8)', async () => {
    await stageIncrements(staging, 1, [a]);
    const first = await claimedAhead();
    await flush('committed');
    await sink.prune();
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 1 });
    expect((await staging.stats()).dead).toBe(0);
  });

  it('is handed to the flush that holds the shard, and written once', async () => {
    await stageIncrements(staging, 1, [a]);
    const first = await claimedAhead();
    expect(await flush()).toBe('done');
    await stageIncrements(staging, 1, [b]);
    expect(await flush()).toBe('done');
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 1, [b]: 1 });
  });

  it('is not written as it was claimed if its records were thrown away meanwhile', async () => {
    await stageIncrements(staging, 1, [a, b]);
    const first = await claimedAhead();
    await staging.empty(1, { kind: 'tables', tables: [{ schema: 'public', table: 'product' }] }, ORIGIN);
    expect(await first.end()).toBe('failed');
    expect(sums()).toEqual({});
    expect(sink.commits).toBe(0);
  });

  it('is not written as it was claimed if another flush had it, and may have added to it', async () => {
    await stageIncrements(staging, 1, [a]);
    const first = await claimedAhead();
    expect(await flush('written')).toBe('failed');
    expect(await first.end()).toBe('failed');
    expect(await flush()).toBe('done');
    expect(sums()).toEqual({ [a]: 1 });
  });
});

it('of two servers that have batches claimed ahead, one that is lost before the commit stops the other only once', async () => {
  for (const shard of [1, 2]) await stageIncrements(staging, shard, [rowOf(shard, 0, SHARDS)]);
  const lost = new SpillwayError('STAGING_UNAVAILABLE', 'lost');
  const half = Object.create(staging) as StagingStore;
  const bound = { claim: staging.claim.bind(staging), acknowledge: staging.acknowledge.bind(staging) };
  Object.assign(half, bound, {
    isAsClaimed: async (shard: number, batch: Batch) =>
      shard === 2 ? Promise.reject(lost) : staging.isAsClaimed(shard, batch),
  });
  const report = flushShards([1, 2], LIMIT, { ...deps, staging: half, ahead });
  busy?.[Symbol.dispose]();
  const results = await report;
  expect(results.get(1)).toMatchObject({ kind: 'failed', failure: { kind: 'restart' } });
  expect(results.get(2)).toMatchObject({ kind: 'failed', failure: { kind: 'staging', error: lost } });
  expect(sink.commits).toBe(0);
  expect(await flush()).toBe('done');
});

describe('a claim before the shard is held', () => {
  it('takes no batch that is in flight already: the other flush may hold the shard', async () => {
    await stageIncrements(staging, 1, [a]);
    await flush('claimed');
    const first = await claimedAhead();
    const { attempts } = await inFlight();
    expect(attempts).toBe(2);
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 1 });
  });

  it('that is answered "broken" means nothing: another process has gone on with the chain (R14)', async () => {
    await stageIncrements(staging, 1, [a]);
    await flush();
    await stageIncrements(staging, 1, [a]);
    ahead.lastTokens.set(1, ORIGIN);
    const first = await claimedAhead();
    expect(await first.end()).toBe('done');
    expect(sums()).toEqual({ [a]: 2 });
    expect((await staging.stats()).dead).toBe(0);
  });
});

/** Claims what is in flight once more, as a flush that holds the shard. */
async function inFlight(): Promise<{ readonly attempts: number }> {
  const claim = await staging.claim(1, { token: 'later', predecessor: ORIGIN, limit: LIMIT });
  if (claim.status !== 'batch') throw new Error(`Nothing is in flight: ${claim.status}`);
  return claim.batch;
}
