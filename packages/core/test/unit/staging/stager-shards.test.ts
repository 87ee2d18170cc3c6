import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey, shardOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import { SinkDown } from '../../../src/sink/sink-failure.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import { Stager, type RulesByEntity } from '../../../src/staging/stager.js';
import type { StageAnswer, StageCall } from '../../../src/staging/stage-side.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';

const RULES: RulesByEntity = {
  Product: {
    debounceMs: 0,
    maxDelayMs: 0,
    maxPending: 100,
    maxRecordBytes: 10_000,
    onFull: 'reject',
    blockTimeoutMs: 1,
  },
};

/** One view more of a row in this shard. */
function viewIn(shard: number): Change {
  for (let id = 0; ; id += 1) {
    const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] });
    if (shardOf(rowKey, 2) === shard)
      return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { views: '1' }, originals: {} };
  }
}

/** A store that stages in another way. */
function staging(store: StagingStore, stage: StagingStore['stage']): StagingStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'stage') return stage;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Two shards, of which the second answers in its own way. */
async function twoShards(secondStages: () => Promise<StageAnswer>): Promise<StagingStore> {
  const store = memoryStaging({ shards: 2 });
  await store.adopt(0, 'origin');
  await store.adopt(1, 'origin');
  return staging(store, (call) => (call.shard === 1 ? secondStages() : store.stage(call)));
}

describe('a flush over two shards, of which one has accepted', () => {
  const changes = [viewIn(0), viewIn(1)];

  test('says which, when the other one fails in a way that nobody has foreseen', async () => {
    const store = await twoShards(() => Promise.reject(new Error('ERR user_script: unexpected')));
    const stager = new Stager(store, {
      stageTimeoutMs: 20,
      adopt: () => Promise.resolve(),
      settleHolds: () => Promise.resolve(),
    });
    const result = await stager.stageAll(changes, RULES);
    expect([...result.staged.keys()]).toEqual([changes[0]?.rowKey]);
    expect(result.dropped.map(({ shard }) => shard)).toEqual([1]);
  });

  test('says which, when the other one has been emptied and cannot be adopted', async () => {
    const store = await twoShards(() => Promise.resolve({ status: 'uninitialised' }));
    const adopt = () => Promise.reject(new SinkDown('PostgreSQL cannot be reached', 'unreachable'));
    const stager = new Stager(store, { stageTimeoutMs: 20, adopt, settleHolds: () => Promise.resolve() });
    const result = await stager.stageAll(changes, RULES);
    expect([...result.staged.keys()]).toEqual([changes[0]?.rowKey]);
    expect(result.dropped.map(({ shard }) => shard)).toEqual([1]);
  });
});

describe('a call whose first answer was lost', () => {
  test('is not told to be refused while its first copy may still run', async () => {
    const store = memoryStaging({ shards: 1 });
    await store.adopt(0, 'origin');
    const adopt = () => Promise.resolve();
    const copies: StageCall[] = [];
    // The first copy stays on its way in a connection that is given up; meanwhile there is no room.
    const line = staging(store, async (call) => {
      copies.push(call);
      if (copies.length === 1) throw new SpillwayError('STAGING_TIMEOUT', 'no answer');
      return { status: 'refused', refusals: [{ rowKey: call.changes[0]?.rowKey as RowKey, reason: 'full' }] };
    });
    const result = await new Stager(line, { stageTimeoutMs: 20, adopt, settleHolds: () => Promise.resolve() }).stageAll(
      [viewIn(0)],
      RULES,
    );
    expect(result.staged.size).toBe(0);
    // Now it arrives, and there is room.
    await store.stage(copies[0] as StageCall);
    expect((await store.peek([viewIn(0).rowKey])).get(viewIn(0).rowKey)?.dirty).toBeUndefined();
  });

  test('is never said not to have run when it has, however late one asks (C5)', async () => {
    // Remembers two generations of one call each.
    const store = memoryStaging({ shards: 1, seenMs: 0 });
    await store.adopt(0, 'origin');
    const stager = new Stager(store, {
      stageTimeoutMs: 20,
      adopt: () => Promise.resolve(),
      settleHolds: () => Promise.resolve(),
    });
    const call: StageCall = { shard: 0, id: 'lost', changes: [viewIn(0)], rules: RULES };
    await store.stage(call);
    for (let i = 0; i < 3; i += 1) await stager.stageAll([viewIn(0)], RULES);
    expect((await stager.settle([call])).dropped).toEqual([]);
  });
});
