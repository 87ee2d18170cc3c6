import type { BatchOutcome } from '../change/outcome.js';
import type { SinkTransaction } from '../sink/change-sink.js';
import type { Batch } from '../staging/flush-side.js';

/** All records are applied. */
export const NOTHING_SPECIAL: BatchOutcome = new Map();

/** @throws Error if the sink has not reported the outcomes of the batch */
export function outcomesOf(batch: Batch, outcomes: ReadonlyMap<string, BatchOutcome>): BatchOutcome {
  const own = outcomes.get(batch.token);
  if (own === undefined) {
    throw new Error(`The sink has not said what became of batch ${batch.token}, so it must not be committed`);
  }
  return own;
}

/** @throws Error if the transaction has not locked the shard */
export function lastOf(transaction: SinkTransaction, shard: number): string {
  const last = transaction.locked.get(shard);
  if (last === undefined) {
    throw new Error(`The sink's transaction has not locked shard ${shard}, so nothing can be said of its chain`);
  }
  return last;
}
