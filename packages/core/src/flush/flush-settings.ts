import type { BackOffLimits } from './back-off.js';
import type { BreakerLimits } from './circuit-breaker.js';

/** Every number of a worker. Durations in milliseconds. */
export interface FlushSettings {
  /** Flushes at once; each holds one connection of Spillway's own pool. */
  readonly concurrency: number;
  /**
   * Flushes that may begin while all connections are at work, if they are full. Their batches are claimed meanwhile.
   */
  readonly ahead: number;
  /** Records that make a full transaction; also the most of one new batch. */
  readonly batchSize: number;
  /** Most shards of one transaction. */
  readonly maxShards: number;
  /** How long a due shard waits for others to share its transaction. */
  readonly lingerMs: number;
  /** A shard that has been due for so long is taken before this worker's preferred shards. */
  readonly overdueMs: number;
  /**
   * Time between two looks for changes that other processes have staged: `pollMs` while changes are pending, at most
   * `idlePollMs` while none are.
   */
  readonly pollMs: number;
  readonly idlePollMs: number;
  /** Least time between two looks, whatever requests them. */
  readonly lookSpacingMs: number;
  /** A shard whose claim takes longer is left out of the transaction. */
  readonly claimTimeoutMs: number;
  /** How long a shard is skipped after another transaction was found to have locked it. */
  readonly busyMs: number;
  /**
   * Back-off after a fault, after a transaction that the database wants again, and after a staging store that did not
   * answer.
   */
  readonly retry: BackOffLimits;
  readonly restart: BackOffLimits;
  readonly stagingRetry: BackOffLimits;
  readonly breaker: BreakerLimits;
  readonly onStagingLoss: 'park' | 'apply';
  /** How long the ledger remembers a batch. Longer than any batch can stay in flight. */
  readonly ledgerAgeMs: number;
  readonly pruneEveryMs: number;
  /** How often a worker looks for holds of transactions that have ended without ending their holds. */
  readonly sweepEveryMs: number;
}

export const FLUSH_DEFAULTS: FlushSettings = {
  concurrency: 2,
  ahead: 2,
  batchSize: 500,
  maxShards: 64,
  lingerMs: 25,
  overdueMs: 1_000,
  pollMs: 50,
  idlePollMs: 1_000,
  lookSpacingMs: 5,
  claimTimeoutMs: 200,
  busyMs: 25,
  retry: { minDelayMs: 100, maxDelayMs: 30_000 },
  restart: { minDelayMs: 10, maxDelayMs: 500 },
  stagingRetry: { minDelayMs: 100, maxDelayMs: 2_000 },
  breaker: { failuresToOpen: 3, minDelayMs: 200, maxDelayMs: 5_000 },
  onStagingLoss: 'park',
  ledgerAgeMs: 7 * 24 * 60 * 60 * 1_000,
  pruneEveryMs: 10 * 60 * 1_000,
  sweepEveryMs: 1_000,
};
