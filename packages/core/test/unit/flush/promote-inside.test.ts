import { asyncScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import type { BatchOutcome } from '../../../src/change/outcome.js';
import type { RowKey } from '../../../src/change/row-key.js';
import { ORIGIN, tokenAfter } from '../../../src/change/token.js';
import type { OwnedBatch } from '../../../src/flush/owned-batches.js';
import { promoteInside } from '../../../src/flush/promote-inside.js';
import { PromotionOfShard } from '../../../src/flush/promote-shard.js';
import type { JoinedPart, JoinedTransaction, OthersPending } from '../../../src/sink/change-sink.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import { rowOf, stageIncrements } from './counters.js';

const SHARDS = 2;
const [parent, otherChild] = [rowOf(0, 0, SHARDS), rowOf(0, 1, SHARDS)];
const [otherParent, child] = [rowOf(1, 0, SHARDS), rowOf(1, 1, SHARDS)];
const parents = new Map<RowKey, RowKey>([
  [child, parent],
  [otherChild, otherParent],
]);

const NO_SINK = { outcomes: async () => new Map(), parentsOf: () => [] };

/** A transaction that refuses a child whose parent it has not written, as PostgreSQL does. */
async function bench() {
  const staging = memoryStaging({ shards: SHARDS, now: () => 0 });
  for (const shard of [0, 1]) await staging.adopt(shard, ORIGIN);
  const last = new Map([
    [0, ORIGIN],
    [1, ORIGIN],
  ]);
  const ledger = new Map<string, BatchOutcome>();
  const batches = new Map<number, OwnedBatch>();
  const tried: RowKey[][] = [];
  const written = new Set<RowKey>();
  const part: JoinedPart = {
    lock: async (shard) => last.get(shard),
    outcomeOf: async (token) => ledger.get(token),
    apply: async ({ records }) => {
      const rows = [...records.keys()];
      tried.push(rows);
      const isEarly = (row: RowKey): boolean => {
        const needs = parents.get(row);
        return needs !== undefined && !written.has(needs) && !rows.includes(needs);
      };
      for (const row of rows) if (!isEarly(row)) written.add(row);
      return new Map(
        rows.filter(isEarly).map((row) => [row, { kind: 'again', attempts: 0, delayMs: 100, reason: 'its parent' }]),
      );
    },
    enter: async ({ shard, token }) => {
      last.set(shard, token);
      ledger.set(token, new Map());
    },
    amend: async () => undefined,
    amendHold: async () => undefined,
  };
  return {
    staging,
    tried,
    promote: async (keys: readonly RowKey[]) =>
      promoteInside(
        keys,
        { attempt: async (act: (joined: JoinedPart) => Promise<unknown>) => act(part) } as JoinedTransaction,
        {
          of: (shard) => batches.get(shard),
          own: (shard, batch) => void batches.set(shard, batch),
          hasOwned: (token) => ledger.has(token),
        },
        1_000,
        {
          staging,
          looks: staging,
          sink: {
            outcomes: async () => new Map(),
            parentsOf: (row) => [parents.get(row)].filter((needs) => needs !== undefined),
          },
          scheduler: asyncScheduler,
          claimTimeoutMs: 1_000,
        },
      ),
  };
}

test('parents are written before their children, also where each shard has a child of the other', async () => {
  const { staging, tried, promote } = await bench();
  await stageIncrements(staging, 0, [parent, otherChild]);
  await stageIncrements(staging, 1, [otherParent, child]);
  expect([...(await promote([child, otherChild, parent, otherParent]))]).toEqual([]);
  expect(tried).toEqual([[parent], [otherParent], [otherChild], [child]]);
});

test('parents that nobody has named come along', async () => {
  const { staging, tried, promote } = await bench();
  await stageIncrements(staging, 0, [parent]);
  await stageIncrements(staging, 1, [child]);
  expect([...(await promote([child]))]).toEqual([]);
  expect(tried).toEqual([[parent], [child]]);
});

test('a row that comes along with its batch, and that another pending row may be in the way of, is not blamed', async () => {
  const { staging } = await bench();
  await stageIncrements(staging, 0, [otherChild]);
  await staging.claim(0, { token: tokenAfter(ORIGIN), predecessor: ORIGIN, limit: 1 });
  await stageIncrements(staging, 0, [parent]);
  let asked: OthersPending | undefined;
  const part = {
    lock: async () => ORIGIN,
    outcomeOf: async () => undefined,
    apply: async (_batch: unknown, _parents: unknown, othersPending: OthersPending) => {
      asked = othersPending;
      return new Map();
    },
    enter: async () => undefined,
  } as unknown as JoinedPart;
  const owned = { of: () => undefined, own: () => undefined, hasOwned: () => false };
  const deps = { staging, looks: staging, sink: NO_SINK, scheduler: asyncScheduler, claimTimeoutMs: 1_000 };
  await new PromotionOfShard(0, [parent], part, owned, deps, 0).run();
  const behind = [{ schema: 'public', table: 'product' }];
  const refused = [otherChild, parent].map((rowKey) => ({ rowKey, behind, firstAtMs: 0 }));
  expect(await asked?.(refused)).toEqual(new Set([otherChild]));
});
