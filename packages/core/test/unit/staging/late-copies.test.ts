import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { GroupAnswer, StageGroup } from '../../../src/staging/stage-side.js';
import { Stager } from '../../../src/staging/stager.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const RULES: EntityRules = {
  debounceMs: 0,
  maxDelayMs: 0,
  maxPending: 4,
  maxRecordBytes: 10_000,
  onFull: 'block',
  blockTimeoutMs: 15,
};
const ROWS = Array.from({ length: 12 }, (_, key) => rowKeyOf({ schema: '', table: 'product', key: [`${key}`] }));

function plusOne(rowKey: RowKey, name: string): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { [name]: '1' }, originals: {} };
}

/** The same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

/** A line that loses requests and answers, and on which lost requests arrive late, after fences and other groups. */
function badLine(
  inner: StagingStore,
  random: () => number,
): { readonly store: StagingStore; readonly late: Promise<unknown>[] } {
  const late: Promise<unknown>[] = [];
  const through = async (act: () => Promise<GroupAnswer>): Promise<GroupAnswer> => {
    await pause(Math.floor(random() * 3));
    const fate = random();
    if (fate < 0.1) throw new SpillwayError('STAGING_UNAVAILABLE', 'The line is dead');
    if (fate < 0.35) {
      late.push(pause(Math.floor(random() * 150)).then(act));
      throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    }
    const answer = await act();
    if (fate < 0.6) throw new SpillwayError('STAGING_TIMEOUT', 'No answer');
    return answer;
  };
  const own: Partial<StagingStore> = {
    stage: async (group: StageGroup) => through(async () => inner.stage(group)),
    fence: async (group: StageGroup) => through(async () => inner.fence(group)),
  };
  const store = new Proxy(inner, {
    get: (target, name) => (Reflect.get(own, name) ?? Reflect.get(target, name, target)) as unknown,
  });
  return { store, late };
}

test.each(Array.from({ length: Number(process.env['SEEDS'] ?? 20) }, (_, seed) => seed))(
  'each unit is staged once, or as its caller is told, whatever comes late: seed %i',
  async (seed) => {
    const random = randomOf(seed);
    const inner = memoryStaging({ shards: 3 });
    const { store, late } = badLine(inner, random);
    const adopt = async (shards: readonly number[]): Promise<void> => {
      for (const shard of shards) await inner.adopt(shard, 'T0');
    };
    const stager = new Stager(store, { stageTimeoutMs: 25, adopt, endHolds: () => Promise.resolve() });
    const rules = { Product: RULES };
    const told = await Promise.all(
      Array.from({ length: 40 }, async (_, caller) => {
        await pause(Math.floor(random() * 30));
        const rows = ROWS.filter(() => random() < 0.25);
        const [first = ROWS[0] as RowKey, ...others] = rows;
        const changes = [first, ...others].map((row) => plusOne(row, `c${caller}`));
        const controller = random() < 0.2 ? new AbortController() : undefined;
        if (controller) setTimeout(() => controller.abort(new Error('gone')), Math.floor(random() * 20));
        try {
          let result = await stager.stageAll(changes, rules, controller?.signal);
          while (result.unknown.length > 0) result = await stager.findOut(result.unknown);
          return { caller, changes, isStaged: result.staged.size > 0 };
        } catch {
          return { caller, changes, isStaged: false };
        }
      }),
    );
    await Promise.all(late);
    const found = await inner.peek(ROWS);
    for (const { caller, changes, isStaged } of told) {
      const applied = changes.map(({ rowKey }) => found.get(rowKey)?.dirty?.deltas[`c${caller}`]);
      expect([caller, ...applied]).toEqual([caller, ...changes.map(() => (isStaged ? '1' : undefined))]);
    }
    stager.close();
  },
);
