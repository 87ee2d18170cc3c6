import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { Batch, ParkReport } from '../staging/flush-side.js';
import type { Failure } from './failure.js';

/** The result of one flush for one of its shards. */
export type ShardResult =
  /**
   * A batch is in the database, and the staging store knows. `more`: more records are likely due. `ours`: this flush
   * has ended the batch in the staging store, so it reports the batch; exactly one of all processes does.
   * `databaseForgot`: the batch follows one that the database has lost. `waitsFor`: rows that are pending elsewhere,
   * and that rows of the transaction may be waiting for.
   */
  | {
      readonly kind: 'done';
      readonly batch: Batch;
      readonly outcomes: BatchOutcome;
      readonly more: boolean;
      readonly ours: boolean;
      readonly databaseForgot: boolean;
      readonly waitsFor?: ReadonlySet<RowKey>;
    }
  /** Nothing is due and nothing is in flight. */
  | { readonly kind: 'nothing' }
  /** Another transaction has locked the shard. */
  | { readonly kind: 'busy' }
  /** The staging store had lost data: its doubtful records are parked. */
  | { readonly kind: 'parked'; readonly report: ParkReport }
  /** Nothing is lost: a batch that was claimed stays in flight, and the next flush gets the same batch. */
  | {
      readonly kind: 'failed';
      readonly failure: Failure;
      /** A batch of the shard is, or may be, in the database, and the staging store has not heard of it. */
      readonly mayBeCommitted?: boolean;
    };

/** Shard -> result, for every shard that the flush was asked for. */
export type FlushReport = ReadonlyMap<number, ShardResult>;
