import { type BackOff, READY } from './back-off.js';
import { CLOSED, type CircuitBreaker } from './circuit-breaker.js';

/**
 * The state of the flush pipeline: everything that a process knows of its shards and of its own flushes. Times are
 * those of the pipeline's scheduler, in milliseconds.
 */
export interface Board {
  /**
   * `drains`: only shards that a drain asks for are flushed. `worker`: all due shards are. `stopping`: no flush begins.
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
  /** When the shard wants a flush, as far as is known. */
  readonly dueMs: number | undefined;
  /** A drain waits for the shard: it does not linger. */
  readonly demanded: boolean;
  readonly running: boolean;
  readonly backOff: BackOff;
  /**
   * The shard has failed by a fault. Until it succeeds, it gets transactions of its own, which keeps its failures from
   * the other shards.
   */
  readonly alone: boolean;
  /** The error that a person has to resolve before the shard can be flushed, from its last attempt. */
  readonly blockedBy: { readonly error: unknown; readonly atMs: number } | undefined;
  /** How many records its next batch is likely to have. */
  readonly expected: number;
  /**
   * A batch of the shard may be in the database without the staging store's knowledge. If the store has lost the batch,
   * it does not report the shard as due. The shard is therefore flushed until a flush succeeds, which detects the loss.
   */
  readonly unsettled: boolean;
  /** The staging store did not answer for it when it was last asked. */
  readonly silent: boolean;
  /** The last look has got no answer for it. */
  readonly unseen: boolean;
}

/** Looks for due shards. `atMs`: when the next one is wanted, `undefined` for never. */
export interface Look {
  readonly running: boolean;
  readonly atMs: number | undefined;
  readonly lastMs: number;
  /** The time from one look to the next; grows while nothing is pending. */
  readonly intervalMs: number;
}

/** An unknown shard counts for a few records, so that the first flush takes many shards, and a few records of each. */
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
    unseen: false,
  };
  return {
    mode: 'drains',
    shards: order.map(() => shard),
    order,
    breaker: CLOSED,
    running: 0,
    look: { running: false, atMs: undefined, lastMs: Number.NEGATIVE_INFINITY, intervalMs: pollMs },
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
