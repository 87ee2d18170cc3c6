import type { SchedulerLike } from 'rxjs';
import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { ChangeSink } from '../sink/change-sink.js';
import type { FlushSide } from '../staging/flush-side.js';
import type { LookSide } from '../staging/look-side.js';
import type { FlushSteps } from './flush-shards.js';

/**
 * The batches that a transaction of the application has entered into the ledger and not yet committed: at most one per
 * shard.
 */
export interface OwnedBatches {
  of(shard: number): OwnedBatch | undefined;
  own(shard: number, batch: OwnedBatch): void;
  /** True if the batch was ever entered here, even in a part of the transaction that was rolled back. */
  hasOwned(token: string): boolean;
}

export interface OwnedBatch {
  readonly token: string;
  /** The outcomes in its ledger row. */
  readonly outcomes: BatchOutcome;
  readonly rows: readonly RowKey[];
}

/** What it takes to write pending rows in a transaction of the application. */
export interface PromoteDeps {
  readonly staging: FlushSide;
  /** What is pending, with what transactions have committed. */
  readonly looks: LookSide;
  readonly sink: Pick<ChangeSink, 'outcomes' | 'parentsOf'>;
  readonly scheduler: SchedulerLike;
  readonly claimTimeoutMs: number;
  readonly steps?: FlushSteps;
}
