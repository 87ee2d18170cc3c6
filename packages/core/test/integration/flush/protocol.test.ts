import { redis } from '@spillway/test-support';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushShards, type FlushStep } from '../../../src/flush/flush-shards.js';
import { openRedisStaging } from '../../../src/staging/redis/open-redis-staging.js';
import type { CacheAnswer } from '../../../src/staging/row-cache.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { rowOf, stageIncrements } from '../../unit/flush/counters.js';
import { FlushFixture, idOf, SHARDS, standStillAfter } from './fixture.js';
import { LosingProxy } from './losing-proxy.js';

const rowA = rowOf(1, 0, SHARDS);
const rowB = rowOf(1, 1, SHARDS);
const rowOther = rowOf(2, 0, SHARDS);
const a = idOf(rowA);
const b = idOf(rowB);
const other = idOf(rowOther);

let fixture: FlushFixture;
let staging: StagingStore;

beforeEach(async () => {
  fixture = await FlushFixture.create();
  ({ staging } = fixture);
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Begins a flush that stands still after a step, and then loses its connection without noticing. */
async function vanishAfter(step: FlushStep): Promise<{ goOn(): Promise<readonly string[]> }> {
  const still = standStillAfter(step);
  const flushing = fixture.flush([1], 100, { sink: fixture.openSink({ name: 'vanishing' }), steps: still.steps });
  await still.reached;
  await fixture.killConnections('vanishing');
  return {
    goOn: () => {
      still.goOn();
      return flushing;
    },
  };
}

describe('a flush from Redis to PostgreSQL', () => {
  it('writes several shards in one transaction', async () => {
    await stageIncrements(staging, 1, [rowA, rowB]);
    await stageIncrements(staging, 2, [rowOther]);
    await stageIncrements(staging, 2, [rowOther]);
    expect(await fixture.flush([1, 2, 3])).toEqual(['done', 'done', 'nothing']);
    expect(await fixture.stock()).toEqual({ [a]: 1, [b]: 1, [other]: 2 });
    const { rows } = await fixture.sql.query('select distinct xmin::text from spillway_batch');
    expect(rows).toHaveLength(1);
    expect((await staging.stats()).inFlight).toBe(0);
  });

  it('is done again by another worker when its own vanishes, once (F3, F4, F35)', async () => {
    let expected = 0;
    for (const step of ['begun', 'claimed', 'checked', 'written'] as const) {
      await stageIncrements(staging, 1, [rowA]);
      const vanished = await vanishAfter(step);
      expect(await fixture.flush([1])).toEqual(['done']);
      expected += 1;
      expect(await fixture.stock()).toEqual({ [a]: expected });
      expect(await vanished.goOn()).toEqual(['failed']);
      await fixture.flush([1]);
      expect(await fixture.stock()).toEqual({ [a]: expected });
    }
    expect((await staging.stats()).dead).toBe(0);
  });

  it('that vanished between commit and acknowledge is found in the ledger (F5)', async () => {
    await stageIncrements(staging, 1, [rowA]);
    const vanished = await vanishAfter('committed');
    await stageIncrements(staging, 1, [rowA]);
    expect((await flushShards([1], 100, fixture.deps())).get(1)).toMatchObject({
      kind: 'done',
      ours: true,
      more: true,
    });
    expect(await fixture.stock()).toEqual({ [a]: 1 });
    expect(await vanished.goOn()).toEqual(['done']);
    expect(await fixture.flush([1])).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 2 });
  });

  it('acknowledges by the outcome in the ledger: what was rejected becomes a dead letter, not a loss (C2)', async () => {
    await fixture.sql.query('update product set stock = 999 where id = $1', [a]);
    await stageIncrements(staging, 1, [rowA, rowB]);
    const vanished = await vanishAfter('committed');
    expect(await fixture.stock()).toEqual({ [a]: 999, [b]: 1 });

    expect(await fixture.flush([1])).toEqual(['done']);
    expect(await staging.deadLetters.list()).toMatchObject([{ rowKey: rowA, code: '23514' }]);
    expect((await staging.stats()).pending).toEqual({});
    await vanished.goOn();
    expect(await fixture.stock()).toEqual({ [a]: 999, [b]: 1 });
    expect(await staging.deadLetters.list()).toHaveLength(1);
  });

  it('releases nothing when the answer to its commit is lost: the ledger decides (C7, F6)', async () => {
    await using proxy = await LosingProxy.before(fixture.databaseUrl);
    const sink = fixture.openSink({ url: proxy.url });
    await stageIncrements(staging, 1, [rowA]);
    proxy.loseNextCommit = true;
    const report = await flushShards([1], 100, fixture.deps({ sink }));
    expect(report.get(1)).toMatchObject({ kind: 'failed', failure: { kind: 'sink-down' } });
    expect((await staging.stats()).inFlight).toBe(1);
    await stageIncrements(staging, 1, [rowA]);

    expect(await fixture.flush([1], 100, { sink })).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 1 });
    expect(await fixture.flush([1], 100, { sink })).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 2 });
    expect((await staging.stats()).dead).toBe(0);
    await sink.close();
  });

  it('leaves out the shard of a Redis that hangs, and the others commit in time (H7, F26)', async () => {
    await using hung = await redis();
    const far = await openRedisStaging({ redis: hung.url, namespace: 'far', shards: SHARDS });
    await far.adopt(1, 'origin');
    await stageIncrements(far, 1, [rowA]);
    await stageIncrements(staging, 2, [rowOther]);
    const both = new Proxy(staging, {
      get: (near, name) => {
        const method = (shard: number, ...rest: readonly unknown[]): unknown => {
          const store = shard === 1 ? far : near;
          return Reflect.apply(Reflect.get(store, name) as (...args: readonly unknown[]) => unknown, store, [
            shard,
            ...rest,
          ]);
        };
        return method;
      },
    });

    hung.pause();
    const report = await flushShards([1, 2], 100, fixture.deps({ staging: both, claimTimeoutMs: 200 }));
    expect(report.get(1)).toMatchObject({ kind: 'failed', failure: { kind: 'staging' } });
    expect(report.get(2)).toMatchObject({ kind: 'done' });
    expect(await fixture.stock()).toEqual({ [other]: 1 });

    hung.resume();
    // The late claim has been made all the same; whoever asks next is handed its batch.
    expect(await fixture.flush([1], 100, { staging: both, claimTimeoutMs: 5_000 })).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 1, [other]: 1 });
    await far.close();
  });
});

describe('a Redis that falls back', () => {
  it('applies nothing twice, though only a part was claimed by a worker whose connection had died (C1)', async () => {
    await stageIncrements(staging, 1, [rowA, rowB]);
    // The second worker has read the last token; its connection dies, and its claim is still on the wire.
    const second = standStillAfter('begun');
    const secondFlush = fixture.flush([1], 1, { sink: fixture.openSink({ name: 'vanishing' }), steps: second.steps });
    await second.reached;
    await fixture.killConnections('vanishing');
    // The first claims both.
    const beforeClaim = await fixture.snapshot();
    const first = standStillAfter('checked');
    const firstFlush = fixture.flush([1], 100, { steps: first.steps });
    await first.reached;
    // Redis forgets that claim, and the late one takes one of the two.
    await fixture.fallBack(beforeClaim);
    second.goOn();
    expect(await secondFlush).toEqual(['failed']);
    first.goOn();
    await firstFlush;
    expect(await fixture.stock()).toEqual({ [a]: 1, [b]: 1 });

    expect(await fixture.flush([1], 1)).toEqual(['parked']);
    expect(await fixture.flush([1])).toEqual(['nothing']);
    expect(await fixture.stock()).toEqual({ [a]: 1, [b]: 1 });
    expect((await staging.deadLetters.list()).map(({ code }) => code)).toEqual(['STAGING_LOSS', 'STAGING_LOSS']);
    await stageIncrements(staging, 1, [rowA]);
    expect(await fixture.flush([1])).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 2, [b]: 1 });
  });

  describe('H16 (R4): keeps no copy of a row that was written by a batch which it has forgotten', () => {
    const table = { schema: 'public', table: 'product' };
    const look = async (): Promise<CacheAnswer | undefined> => (await staging.cache.look(table, [rowA])).get(rowA);

    /** A reader that has the ticket reads the row now, and keeps it later. */
    async function reading(): Promise<() => Promise<number>> {
      const answer = await look();
      const ticket = answer?.kind === 'ticket' ? answer.ticket : '';
      const bytes = Buffer.from(JSON.stringify(await fixture.stock()));
      return async () => staging.cache.keep(table, [{ rowKey: rowA, ticket, bytes }], 60_000);
    }

    /** Redis falls back to before the change was staged, while the worker that has claimed it is about to write it. */
    async function flushForgotten(
      step: FlushStep,
      fallBackTo: 'emptied' | 'older',
    ): Promise<{ goOn(): Promise<readonly string[]> }> {
      const before = fallBackTo === 'emptied' ? new Map() : await fixture.snapshot();
      await stageIncrements(staging, 1, [rowA]);
      const still = standStillAfter(step);
      const flushing = fixture.flush([1], 100, { steps: still.steps });
      await still.reached;
      await fixture.fallBack(before);
      return {
        goOn: () => {
          still.goOn();
          return flushing;
        },
      };
    }

    it.each(['emptied', 'older'] as const)('filled before its commit, by a Redis that is %s', async (fallBackTo) => {
      const worker = await flushForgotten('checked', fallBackTo);
      const keep = await reading();
      expect(await keep()).toBe(1);
      expect(await worker.goOn()).toEqual(['done']);
      expect(await look()).toMatchObject({ kind: 'ticket' });
    });

    it('read before its commit, and filled after its acknowledgement', async () => {
      const worker = await flushForgotten('checked', 'older');
      const keep = await reading();
      expect(await worker.goOn()).toEqual(['done']);
      expect(await keep()).toBe(0);
      expect(await look()).toMatchObject({ kind: 'ticket' });
    });

    it.each(['emptied', 'older'] as const)(
      'whose acknowledgement was lost: the next flush finds a Redis that is %s, and drops the copies',
      async (fallBackTo) => {
        const worker = await flushForgotten('checked', fallBackTo);
        await (
          await reading()
        )();
        const acknowledge = vi.spyOn(staging, 'acknowledge').mockRejectedValueOnce(new Error('away'));
        expect(await worker.goOn()).toEqual(['failed']);
        acknowledge.mockRestore();
        expect(await look()).toMatchObject({ kind: 'copy' });
        expect(await fixture.flush([1])).toEqual(['parked']);
        expect(await look()).toMatchObject({ kind: 'ticket' });
      },
    );
  });

  it('to nothing is adopted, and parks no new change (H14)', async () => {
    await stageIncrements(staging, 1, [rowA]);
    await fixture.flush([1]);
    await fixture.fallBack(new Map());
    expect(await fixture.flush([1])).toEqual(['parked']);
    await stageIncrements(staging, 1, [rowA]);
    expect(await fixture.flush([1])).toEqual(['done']);
    expect(await fixture.stock()).toEqual({ [a]: 2 });
    expect((await staging.stats()).dead).toBe(0);
  });

  it('is not blamed for what the database has forgotten (F34)', async () => {
    await stageIncrements(staging, 1, [rowA]);
    await fixture.flush([1]);
    await fixture.sql.query(
      `update spillway_shard set last_token = 'origin'; truncate spillway_batch; update product set stock = 0`,
    );
    await stageIncrements(staging, 1, [rowB]);
    expect((await flushShards([1], 100, fixture.deps())).get(1)).toMatchObject({ kind: 'done', databaseForgot: true });
    expect(await fixture.stock()).toEqual({ [b]: 1 });
    expect((await staging.stats()).dead).toBe(0);
  });
});
