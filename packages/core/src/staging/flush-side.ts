import type { BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { ChainSeen, EmptyScope } from './look-side.js';

/**
 * The part of the staging store by which changes leave: in batches, of which at most one per shard is in flight, and
 * which end as the ledger says. Each method is atomic per shard. A store may send what is asked of several shards in
 * one turn of the process as one call; each shard answers, or fails, for itself.
 */
export interface FlushSide {
  /** How many shards there are; fixed for the life of the data. */
  readonly shards: number;

  /**
   * Starts the chain of a shard at the database's last token, if it has none, and drops its copies. `present`: somebody
   * did it before, nothing was changed.
   */
  adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'>;

  /**
   * Hands out the batch in flight if there is one; otherwise moves records that are due, or the rows that are named,
   * into a new batch, if the chain is whole.
   */
  claim(shard: number, request: ClaimRequest): Promise<Claim>;

  /**
   * True if the batch is in flight with all its records, and was handed out to nobody else since. A flush that has
   * claimed the batch before it locked the shard asks this while it has the lock, and before it commits.
   *
   * A worker claims rows 1 and 2 ahead. `orm.schema.clear()` then locks the shard and throws them away: `false`.
   *
   * @param batch as it was claimed
   */
  isAsClaimed(shard: number, batch: Batch): Promise<boolean>;

  /**
   * Adds dirty records to the batch in flight as a part of it: for a transaction of the application that has written
   * the batch, is not committed, and needs more rows. What the ledger row of the batch does not cover of earlier parts
   * is dirty again first, so a part that was rolled back is added anew.
   * @returns `undefined` if the token is not in flight, or was handed out again since (somebody else may be at it)
   */
  extend(shard: number, request: ExtendRequest): Promise<Extension | undefined>;

  /**
   * Ends a batch as its ledger row says.
   *
   * @param rows those rows of the batch that the caller knows. A store that does not know the batch any more may have
   * forgotten it, and kept copies of its rows from before they were written. It drops them, and the tickets for them.
   * @param records the records of `rows`, as the caller has got them from a claim of this batch. Then `rows` are all
   * rows of the batch, those with unreadable records too. The store need not read these records again.
   * @returns `false`: the token is not in flight (somebody else has acknowledged it, or the store has forgotten it)
   */
  acknowledge(
    shard: number,
    token: string,
    outcomes: BatchOutcome,
    rows: readonly RowKey[],
    records?: ReadonlyMap<RowKey, StagedRecord>,
  ): Promise<boolean>;

  /**
   * Heals a broken chain, after a round trip to PostgreSQL has shown that the caller still has the shard locked: parks
   * what is in flight and everything dirty as `STAGING_LOSS`, except records that a version check can settle, which
   * stay dirty as `doubtful`. Sets the last acknowledged token. Changes nothing if what is in flight or (nothing in
   * flight) the last token is not what the caller saw. Drops all copies of the shard: what it has forgotten may have
   * been written.
   */
  park(shard: number, seen: ChainSeen, lastToken: string, onLoss: 'park' | 'apply'): Promise<ParkReport | 'moved'>;

  /**
   * Throws away what is dirty, in flight, remembered and dead: of some tables, or of everything, and then the shard is
   * as if it had never been adopted. The caller has locked the shard in the database, whose last token it names, so
   * that no batch of it can be committed meanwhile. Copies go in any case. A batch in flight goes on under its token
   * with the rows that are left of it, and ends if none is.
   */
  empty(shard: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport>;
}

export interface ClaimRequest {
  /** Becomes the token of a new batch. */
  readonly token: string;
  /** The last token that PostgreSQL has committed for this shard. */
  readonly predecessor: string;
  /** Most records of a new batch. A batch in flight is handed out whole, whatever its size. */
  readonly limit: number;
  /** A new batch is of these rows, due or not, and of no others. */
  readonly rows?: readonly RowKey[];
  /**
   * True for a claim by a caller that has not locked the shard: the answer is a new batch, or `nothing` if one is in
   * flight. That one may be in the hands of a caller that has locked the shard.
   */
  readonly isAhead?: boolean;
}

export interface ExtendRequest {
  readonly token: string;
  /** How often the batch had been handed out when the caller got it: whoever gets it later shuts out the caller. */
  readonly attempts: number;
  /** What the ledger row of the token says at present in the caller's transaction; empty where there is none. */
  readonly outcomes: BatchOutcome;
  readonly rows: readonly RowKey[];
}

export interface Extension {
  /** Number of the part, from 1. An outcome that covers it names it. */
  readonly part: number;
  /** Rows of which something was dirty. */
  readonly added: ReadonlyMap<RowKey, AddedRecord>;
}

export interface AddedRecord {
  /** What was in flight of the row already: written, or to be written, before `record`. */
  readonly before?: StagedRecord;
  readonly record: StagedRecord;
}

export type Claim =
  | { readonly status: 'batch'; readonly batch: Batch }
  | { readonly status: 'nothing' }
  | { readonly status: 'broken'; readonly seen: ChainSeen }
  | { readonly status: 'uninitialised' };

export interface Batch {
  readonly shard: number;
  readonly token: string;
  readonly predecessor: string;
  /** How often it has been handed out, this time included. */
  readonly attempts: number;
  /** When it was handed out: milliseconds since 1970 by the clock that dates the records. */
  readonly claimedAtMs: number;
  readonly records: ReadonlyMap<RowKey, StagedRecord>;
  /** Records that cannot be decoded, with the reason. They are buried as `UNREADABLE`. */
  readonly unreadable: ReadonlyMap<RowKey, string>;
  /**
   * Of rows to which something was added while the batch was in flight: the last part that their records hold, which
   * their outcomes have to name.
   */
  readonly added?: ReadonlyMap<RowKey, number>;
}

export interface ParkReport {
  readonly parked: number;
  readonly doubtful: number;
}

/** How much was thrown away: pending records, and dead letters. */
export interface EmptyReport {
  readonly records: number;
  readonly dead: number;
}
