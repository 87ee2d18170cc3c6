import type { Change } from '../../../src/change/change.js';
import { type RowKey, rowKeyOf, shardOf } from '../../../src/change/row-key.js';
import type { StagingStore } from '../../../src/staging/staging-store.js';
import { stageOne } from '../../../src/testing/contract/one-unit.js';

/** The `index`th row that belongs to a shard. */
export function rowOf(shard: number, index: number, shards: number): RowKey {
  for (let id = 0, found = 0; ; id++) {
    const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] });
    if (shardOf(rowKey, shards) === shard && found++ === index) {
      return rowKey;
    }
  }
}

/** Changes without versions, the hardest to apply exactly once: each adds one to a row's stock. */
function incrementOf(rowKey: RowKey): Change {
  return { kind: 'increment', entity: 'Product', rowKey, values: {}, deltas: { stock: '1' }, originals: {} };
}

const AT_ONCE = { debounceMs: 0, maxDelayMs: 0, maxPending: 10_000, maxRecordBytes: 10_000 };

let calls = 0;

/** Stages one increment of each row, all of one shard, and insists that it was accepted. */
export async function stageIncrements(
  staging: StagingStore,
  shard: number,
  rows: readonly RowKey[],
  wait: { readonly debounceMs: number; readonly maxDelayMs: number } = AT_ONCE,
): Promise<void> {
  calls += 1;
  const answer = await stageOne(staging, {
    shard,
    id: `call-${calls}`,
    changes: rows.map(incrementOf),
    rules: { Product: { ...AT_ONCE, ...wait } },
  });
  if (answer.status !== 'staged') {
    throw new Error(`Not staged: ${JSON.stringify(answer)}`);
  }
}
