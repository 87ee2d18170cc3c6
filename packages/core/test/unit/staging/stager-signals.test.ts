import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { type RowKey, rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { EntityRules } from '../../../src/staging/entity-rules.js';
import { Stager } from '../../../src/staging/stager.js';
import type { StageGroup, StageUnit } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const SHARDS = 2;
const LONG_MS = 3_600_000;
const RULES: EntityRules = {
  debounceMs: 0,
  maxDelayMs: 0,
  maxPending: 100,
  maxRecordBytes: 10_000,
  onFull: 'block',
  blockTimeoutMs: LONG_MS,
};
const REASON = new Error('the caller has gone');

function rowsOf(shard: number): RowKey[] {
  const keys = Array.from({ length: 200 }, (_, key) => rowKeyOf({ schema: '', table: 'product', key: [String(key)] }));
  return keys.filter((key) => shardOf(key, SHARDS) === shard);
}

const [ONE = '' as RowKey, OTHER = '' as RowKey] = rowsOf(0);
const [ELSEWHERE = '' as RowKey] = rowsOf(1);

function plusOne(rowKey: RowKey): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { stock: '1' }, originals: {} };
}

/** A stager whose store is looked at, or is in the way, whenever it is asked. */
async function makeStager(
  before: (method: string, call: { readonly shard: number }) => void | Promise<void>,
  after = before,
) {
  const inner = memoryStaging({ shards: SHARDS });
  for (const shard of [0, 1]) await inner.adopt(shard, 'T0');
  const store: StagingStore = new Proxy(inner, {
    get: (target, name) => {
      if (name === 'serverOf') return (shard: number) => shard;
      if (name !== 'check' && name !== 'stage') return Reflect.get(target, name, target) as unknown;
      return async (asked: StageGroup & StageUnit, rules: StageGroup['rules']) => {
        const [change] = (asked.units?.[0] ?? asked).changes;
        const call = { shard: shardOf(change?.rowKey as RowKey, SHARDS) };
        await before(`before ${name}`, call);
        const answer = await target[name](asked, rules);
        await after(`after ${name}`, call);
        return answer;
      };
    },
  });
  const stager = new Stager(store, {
    stageTimeoutMs: LONG_MS,
    adopt: () => Promise.resolve(),
    endHolds: () => Promise.resolve(),
  });
  const isStaged = async (row: RowKey): Promise<boolean> => (await inner.peek([row])).get(row)?.dirty !== undefined;
  return { stager, isStaged };
}

describe('a signal that is aborted', () => {
  test('before the changes are sent keeps them from being sent', async () => {
    const asked: string[] = [];
    const { stager } = await makeStager((method) => void asked.push(method));
    const staging = stager.stageAll([plusOne(ONE)], { Product: RULES }, AbortSignal.abort(REASON));
    await expect(staging).rejects.toBe(REASON);
    expect(asked).toEqual([]);
  });

  test('while several servers are asked keeps the changes from all of them', async () => {
    const controller = new AbortController();
    const { stager, isStaged } = await makeStager((method, { shard }) => {
      if (method === 'after check' && shard === 1) controller.abort(REASON);
    });
    const staging = stager.stageAll([plusOne(ONE), plusOne(ELSEWHERE)], { Product: RULES }, controller.signal);
    await expect(staging).rejects.toBe(REASON);
    expect([await isStaged(ONE), await isStaged(ELSEWHERE)]).toEqual([false, false]);
  });

  test.each([
    ['one server', [ONE]],
    ['several servers', [ONE, ELSEWHERE]],
  ])('while changes are on their way to %s does not change that they are staged, all of them', async (_, rows) => {
    const controller = new AbortController();
    const { stager, isStaged } = await makeStager((method) => {
      if (method === 'before stage') controller.abort(REASON);
    });
    const { staged } = await stager.stageAll(rows.map(plusOne), { Product: RULES }, controller.signal);
    expect(staged.size).toBe(rows.length);
    for (const row of rows) expect(await isStaged(row)).toBe(true);
  });

  test.each([
    ['one server', [OTHER]],
    ['several servers', [OTHER, ELSEWHERE]],
  ])('while room is waited for in %s ends the wait, and nothing is staged', async (_, rows) => {
    const controller = new AbortController();
    let isFull = false;
    const { stager, isStaged } = await makeStager((method, { shard }) => {
      if (isFull && shard === 0 && method.startsWith('after')) setImmediate(() => controller.abort(REASON));
    });
    const rules = { Product: { ...RULES, maxPending: 1 } };
    await stager.stageAll([plusOne(ONE)], rules);
    isFull = true;
    await expect(stager.stageAll(rows.map(plusOne), rules, controller.signal)).rejects.toBe(REASON);
    for (const row of rows) expect(await isStaged(row)).toBe(false);
  });

  test('while room is waited for keeps the changes from being sent again', async () => {
    const controller = new AbortController();
    const sent: boolean[] = [];
    const { stager } = await makeStager((method) => {
      if (method === 'before stage') sent.push(controller.signal.aborted);
      if (method === 'after stage' && sent.length === 2) setImmediate(() => controller.abort(REASON));
    });
    const rules = { Product: { ...RULES, maxPending: 1 } };
    await stager.stageAll([plusOne(ONE)], rules);
    await expect(stager.stageAll([plusOne(OTHER)], rules, controller.signal)).rejects.toBe(REASON);
    expect(sent).toEqual([false, false]);
  });
});
