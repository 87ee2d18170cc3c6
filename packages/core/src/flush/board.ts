import { type BackOff, READY } from './back-off.js';
import { CLOSED, type CircuitBreaker } from './circuit-breaker.js';

/**
 * All that a process knows of its shards and of its own flushes; the state of the flush pipeline. Times are those of
 * the pipeline's scheduler, in milliseconds.
 */
export interface Board {
  /**
   * `drains`: only what a drain asks for is flushed. `worker`: whatever is due is. `stopping`: nothing new is.
   */
  readonly mode: 'drains' | 'worker' | 'stopping';
  /** Index = shard. */
  readonly shards: readonly ShardState[];
  /** The shards in the order in which this worker looks at them. */
  readonly order: readonly number[];
  readonly breaker: CircuitBreaker;
  /** How many flushes run. */
  readonly running: number;
  readonly look: Look;
}

export interface ShardState {
  /** When it wants a flush, as far as is known. */
  readonly dueMs: number | undefined;
  /** A drain waits for it: it lingers for nobody. */
  readonly demanded: boolean;
  readonly running: boolean;
  readonly backOff: BackOff;
  /**
   * It has failed by a fault: until it succeeds it gets transactions of its own, so as not to spoil those of others.
   */
  readonly alone: boolean;
  /** What a person has to set right before it can be flushed, as it was when it was last tried. */
  readonly blockedBy: { readonly error: unknown; readonly atMs: number } | undefined;
  /** How many records its next batch is likely to have. */
  readonly expected: number;
  /**
   * A batch of it may be in the database without the staging store's knowing, and if the store has forgotten the batch it does not say that the shard is due: it is flushed until that
   * has succeeded, so that what was forgotten is noticed.
   */
  readonly unsettled: boolean;
  /** The staging store did not answer for it when it was last asked. */
  readonly silent: boolean;
}

/** Looks at which shards are due. `atMs`: when the next one is wanted, `undefined` for never. */
export interface Look {
  readonly running: boolean;
  readonly atMs: number | undefined;
  readonly lastMs: number;
  /** The last one was not answered. */
  readonly blind: boolean;
  /** The time from one look to the next; grows while nothing is pending. */
  readonly intervalMs: number;
}

/**
 * A shard of which nothing is known counts for a few records, so that the first flush takes many shards, and a few of
 * each.
 */
const EXPECTED_AT_FIRST = 8;

export function emptyBoard(order: readonly number[], pollMs: number): Board {
  const shard: ShardState = {
    dueMs: undefined,
    demanded: false,
    running: false,
    backOff: READY,
    alone: false,
    blockedBy: undefined,
    expected: EXPECTED_AT_FIRST,
    unsettled: false,
    silent: false,
  };
  return {
    mode: 'drains',
    shards: order.map(() => shard),
    order,
    breaker: CLOSED,
    running: 0,
    look: { running: false, blind: false, atMs: undefined, lastMs: Number.NEGATIVE_INFINITY, intervalMs: pollMs },
  };
}

/** The board with some of its shards changed. */
export function withShards(
  board: Board,
  shards: Iterable<number>,
  change: (state: ShardState, shard: number) => ShardState,
): Board {
  const changed = [...board.shards];
  for (const shard of shards) {
    const state = changed[shard];
    if (state !== undefined) {
      changed[shard] = change(state, shard);
    }
  }
  return { ...board, shards: changed };
}
