import { describe, expect, test } from 'vitest';
import type { Change } from '../../../src/change/change.js';
import { rowKeyOf, type RowKey, shardOf } from '../../../src/change/row-key.js';
import { SpillwayError } from '../../../src/errors.js';
import { SinkDown } from '../../../src/sink/sink-failure.js';
import { memoryStaging } from '../../../src/staging/memory/memory-staging.js';
import type { EntityRules, RulesByEntity } from '../../../src/staging/entity-rules.js';
import { Stager } from '../../../src/staging/stager.js';
import type { GroupAnswer, StageGroup, UnitAnswer } from '../../../src/staging/stage-side.js';
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

/** A store of several servers, one for each shard, that stages in another way. */
function staging(store: StagingStore, stage: StagingStore['stage']): StagingStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'stage') return stage;
      if (name === 'serverOf') return (shard: number) => shard;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function rowsOf({ units }: Pick<StageGroup, 'units'>): readonly RowKey[] {
  return units.flatMap(({ changes }) => changes.map(({ rowKey }) => rowKey));
}

/** Two shards, of which the second answers in its own way. */
async function twoShards(secondStages: () => Promise<GroupAnswer>): Promise<StagingStore> {
  const store = memoryStaging({ shards: 2 });
  await store.adopt(0, 'origin');
  await store.adopt(1, 'origin');
  return staging(store, (group) => (rowsOf(group)[0] === viewIn(1).rowKey ? secondStages() : store.stage(group)));
}

function judged(...units: readonly UnitAnswer[]): GroupAnswer {
  return { status: 'judged', units };
}

describe('a flush over two servers, of which one has accepted', () => {
  const changes = [viewIn(0), viewIn(1)];

  test('says which, when the other one fails in a way that nobody has foreseen', async () => {
    const store = await twoShards(() => Promise.reject(new Error('ERR user_script: unexpected')));
    const stager = new Stager(store, {
      stageTimeoutMs: 20,
      adopt: () => Promise.resolve(),
      endHolds: () => Promise.resolve(),
    });
    const result = await stager.stageAll(changes, RULES);
    expect([...result.staged.keys()]).toEqual([changes[0]?.rowKey]);
    expect(rowsOf({ units: result.dropped })).toEqual([viewIn(1).rowKey]);
  });

  test('says which, when the other one has been emptied and cannot be adopted', async () => {
    const store = await twoShards(() => Promise.resolve(judged({ status: 'uninitialised', shards: [1] })));
    const adopt = () => Promise.reject(new SinkDown('PostgreSQL cannot be reached', 'unreachable'));
    const stager = new Stager(store, { stageTimeoutMs: 20, adopt, endHolds: () => Promise.resolve() });
    const result = await stager.stageAll(changes, RULES);
    expect([...result.staged.keys()]).toEqual([changes[0]?.rowKey]);
    expect(rowsOf({ units: result.dropped })).toEqual([viewIn(1).rowKey]);
  });
});

describe('a call whose first answer was lost', () => {
  test('is not told to be refused while its first copy may still run: a refusal is remembered (R13)', async () => {
    const store = memoryStaging({ shards: 1 });
    await store.adopt(0, 'origin');
    const full = { Product: { ...(RULES['Product'] as EntityRules), maxPending: 1 } };
    const other = { ...viewIn(0), rowKey: rowKeyOf({ schema: 'public', table: 'other', key: ['1'] }) };
    const sender = { stageTimeoutMs: 20, adopt: () => Promise.resolve(), endHolds: () => Promise.resolve() };
    await new Stager(store, sender).stageAll([other], full);
    const copies: StageGroup[] = [];
    // The first copy stays on its way in a connection that is given up; meanwhile there is no room.
    const line = staging(store, async (group) => {
      copies.push(group);
      if (copies.length === 1) throw new SpillwayError('STAGING_TIMEOUT', 'no answer');
      return store.stage(group);
    });
    const result = await new Stager(line, sender).stageAll([viewIn(0)], full);
    expect([copies.length, result.refused.map(({ reason }) => reason)]).toEqual([2, ['full']]);
    // There is room, and now the first copy arrives.
    await store.claim(0, { token: 'T1', predecessor: 'origin', limit: 9 });
    await store.acknowledge(0, 'T1', new Map(), []);
    await store.stage(copies[0] as StageGroup);
    expect((await store.peek([viewIn(0).rowKey])).get(viewIn(0).rowKey)?.dirty).toBeUndefined();
  });

  test('is never said not to have run when it has, however late one asks (C5)', async () => {
    // Remembers two generations of one call each.
    const store = memoryStaging({ shards: 1, seenMs: 0 });
    await store.adopt(0, 'origin');
    const stager = new Stager(store, {
      stageTimeoutMs: 20,
      adopt: () => Promise.resolve(),
      endHolds: () => Promise.resolve(),
    });
    const unit = { changes: [viewIn(0)] };
    const group: StageGroup = { id: 'lost', units: [unit], rules: RULES };
    await store.stage(group);
    for (let i = 0; i < 3; i += 1) await stager.stageAll([viewIn(0)], RULES);
    expect((await stager.findOut([{ ...unit, group, place: 0 }])).dropped).toEqual([]);
  });
});
