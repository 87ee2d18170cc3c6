import type { Change, VersionText } from '../change/change.js';
import type { HeldLayer } from '../change/held-layer.js';
import type { BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { StepValues } from '../change/step.js';
import type { TableName } from '../change/table-name.js';
import type { DeadLetterStore } from './dead-letter-store.js';
import type { RowCache } from './row-cache.js';

export type {
  DeadLetter,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterStore,
  DroppedLetter,
  DroppedLetters,
  LetterFilter,
} from './dead-letter-store.js';

/**
 * THE PORT between the engine and whatever holds staged changes. Plain data and promises: no Redis type crosses it.
 * Every method is atomic per shard. A method rejects with `SpillwayError` `STAGING_UNAVAILABLE` (it did not run) or
 * `STAGING_TIMEOUT` (it may have run).
 *
 * A shard exists once it has been adopted: its chain then starts at the last batch that PostgreSQL knows. Before that
 * every method answers `uninitialised`.
 */
export interface StagingStore {
  /** How many shards there are; fixed for the life of the data. */
  readonly shards: number;

  /** A stage call is remembered at least this long, milliseconds. Of an older one, not to know it means nothing. */
  readonly remembersCallsMs: number;

  /**
   * Starts the chain of a shard at the database's last token, if it has none, and drops its copies. `present`: somebody
   * did it before, nothing was changed.
   */
  adopt(shard: number, lastToken: string): Promise<'adopted' | 'present'>;

  /** Answers what `stage` would answer, and changes nothing. */
  check(call: StageCall): Promise<StageAnswer>;

  /**
   * Merges all changes into their records, or refuses all. A call id that was seen before is answered as it was the
   * first time.
   */
  stage(call: StageCall): Promise<StageAnswer>;

  /** Settles a call whose answer was lost: its first answer if it ran, or `voided`: it has not run and never will. */
  fence(shard: number, callId: string): Promise<StageAnswer>;

  /** What is pending of these rows, and what is remembered. A row of which nothing is known is not in the map. */
  peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>>;

  /** What became of staged changes, whoever wrote or parked them. In the order of the marks. */
  settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]>;

  /**
   * Forgets what was last written of these rows: somebody is about to insert them by SQL, where a remembered deletion
   * would refuse their later changes.
   */
  forget(keys: readonly RowKey[]): Promise<void>;

  /** Where the chain of a shard stands. `undefined`: the shard is not adopted. */
  chain(shard: number): Promise<ChainSeen | undefined>;

  /**
   * Hands out the batch in flight if there is one; otherwise moves records that are due, or the rows that are named,
   * into a new batch, if the chain is whole.
   */
  claim(shard: number, request: ClaimRequest): Promise<Claim>;

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
   * forgotten it, and kept copies of its rows from before they were written; so it drops them, and the tickets for
   * them.
   * @returns `false`: the token is not in flight (somebody else has acknowledged it, or the store has forgotten it)
   */
  acknowledge(shard: number, token: string, outcomes: BatchOutcome, rows: readonly RowKey[]): Promise<boolean>;

  /**
   * Heals a broken chain, after a round trip to PostgreSQL has shown that the caller still holds the shard: parks what
   * is in flight and everything dirty as `STAGING_LOSS`, except records that a version check can settle, which stay
   * dirty as `doubtful`. Sets the last acknowledged token. Changes nothing if what is in flight or (nothing in flight)
   * the last token is not what the caller saw. Drops all copies of the shard: what it has forgotten may have been
   * written.
   */
  park(shard: number, seen: ChainSeen, lastToken: string, onLoss: 'park' | 'apply'): Promise<ParkReport | 'moved'>;

  /**
   * Throws away what is dirty, in flight, remembered and dead: of some tables, or of everything, and then the shard is
   * as if it had never been adopted. The caller holds the shard in the database, whose last token it names, so that no
   * batch of it can be committed meanwhile. Copies go in any case. A batch in flight goes on under its token with the
   * rows that are left of it, and ends if none is.
   */
  empty(shard: number, scope: EmptyScope, lastToken: string): Promise<EmptyReport>;

  readonly policies: StagedPolicies;

  readonly held: HeldChanges;

  readonly due: DueRecords;

  readonly deadLetters: DeadLetterStore;

  /** Copies of rows for look-ups by key. */
  readonly cache: RowCache;

  /**
   * A round trip that changes nothing, and is refused like one that stages: rejects with `STAGING_FULL` where there is
   * no room, with `STAGING_UNAVAILABLE` where the store takes no writes.
   */
  probe(): Promise<void>;

  /** Counts, without a scan. */
  stats(): Promise<StagingStats>;

  close(): Promise<void>;
}

/** All changes of one unit of work that belong to one shard. */
export interface StageCall {
  readonly shard: number;
  /** Unique; a call is applied once however often it is sent. */
  readonly id: string;
  readonly changes: readonly Change[];
  /** Entity -> how its records wait. */
  readonly rules: Readonly<Record<string, StageRules>>;
}

export interface StageRules {
  readonly debounceMs: number;
  readonly maxDelayMs: number;
  /** Most records of the entity in this shard; a row that has a record already is never refused for it. */
  readonly maxPending: number;
  /** Most bytes of one encoded record. */
  readonly maxRecordBytes: number;
  /**
   * What has to be the same for records of the entity to mean the same: of a shard, all pending ones were staged under
   * one such text.
   */
  readonly policy?: string;
  /** A change of these values is not merged into an unwritten one (see `change/step.ts`). Absent: every change is. */
  readonly steps?: StepValues;
}

export type StageAnswer =
  /**
   * `versions`: rows whose version differs from what the change asked for (a replacement goes on from the deleted row's
   * version). `sequence`: the stage sequence of the call's last change; those before it count down from there. `since`:
   * since when the shard's chain is whole.
   */
  | {
      readonly status: 'staged';
      readonly versions: ReadonlyMap<RowKey, VersionText>;
      readonly sequence: number;
      readonly since: string;
    }
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** The call was fenced: it has not run and never will. */
  | { readonly status: 'voided' }
  | { readonly status: 'uninitialised' };

export interface Refusal {
  readonly rowKey: RowKey;
  readonly reason: RefusalReason;
  /** `stale`: the newest version that is known. */
  readonly version?: VersionText;
  /** `full`: how many records of the entity its shard may hold. Put in by whoever asked. */
  readonly limit?: number;
}

/**
 * - `stale`: the caller's version is not the newest that is staged, in flight or remembered
 * - `deleted`: the row is deleted, in flight as deleted, or was last written as deleted
 * - `exists`: an insert of a row that is staged already
 * - `held`: a transaction that has not ended holds a change of the row
 * - `full`: `maxPending` is reached
 * - `overflow`: the sum of a counter's differences leaves int64
 * - `too-large`: the record would be larger than `maxRecordBytes`
 * - `step`: a value that other rows may wait for has changed before, and that is not written yet
 * - `policy`: records of the entity are pending that were staged under another policy
 * - `left`: nobody stages the entity any more
 */
export type RefusalReason =
  | 'stale'
  | 'deleted'
  | 'exists'
  | 'held'
  | 'full'
  | 'overflow'
  | 'too-large'
  | 'step'
  | 'policy'
  | 'left';

export interface Pending {
  readonly dirty?: StagedRecord;
  /**
   * The record in the batch in flight, the batch's token, and the last part of the batch in which something was added
   * to the record.
   */
  readonly inFlight?: { readonly record: StagedRecord; readonly token: string; readonly part?: number };
  /** What was last written of the row, while it is remembered. */
  readonly recent?: { readonly version?: VersionText; readonly deleted: boolean };
  /**
   * What transactions that have not ended, or of whose end nobody has told the store yet, hold of the row, the oldest
   * first.
   */
  readonly held?: readonly HeldLayer[];
}

/** A staged change, by which it is asked later what became of it. */
export interface StagedMark {
  readonly rowKey: RowKey;
  /** Its stage sequence in the row's shard. */
  readonly sequence: number;
  /**
   * Since when the shard's chain was whole when it was staged; absent where that is not known, and then a store that
   * has forgotten something is not noticed.
   */
  readonly since?: string;
}

export type Settlement =
  /** The record that holds the change is dirty or in flight. */
  | { readonly status: 'pending' }
  /**
   * Nothing of it is left to write: it was written, annihilated by a later change, or overruled by the rule for
   * conflicts.
   */
  | { readonly status: 'written' }
  /** It is, or was, in a dead letter. `reason` is absent if the letter has been discarded. */
  | { readonly status: 'dead'; readonly code: string; readonly reason?: string }
  /** The store has forgotten something since it was staged: whether it was written is not known. */
  | { readonly status: 'lost' };

export interface ClaimRequest {
  /** Becomes the token of a new batch. */
  readonly token: string;
  /** The last token that PostgreSQL has committed for this shard. */
  readonly predecessor: string;
  /** Most records of a new batch. A batch in flight is handed out whole, whatever its size. */
  readonly limit: number;
  /** A new batch is of these rows, due or not, and of no others. */
  readonly rows?: readonly RowKey[];
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

/** `inFlight` is empty when nothing is. */
export interface ChainSeen {
  readonly inFlight: string;
  readonly last: string;
}

export interface ParkReport {
  readonly parked: number;
  readonly doubtful: number;
}

/**
 * Changes of transactions that have not ended. A hold is neither dirty nor due: nobody sees it, and nothing is based on
 * it but later holds of the same transaction; others' changes of its rows are refused as `held`, unless both only add
 * differences. Whoever knows how the transaction has ended releases or drops it.
 */
export interface HeldChanges {
  /**
   * Holds all changes, or refuses all, for the same reasons as `stage`. An id that was seen before is answered as it
   * was the first time; `fence` settles it like a stage call.
   */
  hold(call: HoldCall): Promise<StageAnswer>;

  /**
   * The transaction has committed these holds: their changes are staged now, in the order in which they were held.
   * Given with each are the rows that the transaction has written itself, whose changes are gone. Ids that are not held
   * are left out. All of a transaction's holds in the shard that were committed have to be given together, or later
   * ones after earlier ones.
   * @returns the rows that are dirty now
   */
  release(shard: number, holds: ReadonlyMap<string, readonly RowKey[]>): Promise<readonly RowKey[]>;

  /** The transaction has ended without these holds, or has taken them back. Answers how many there were. */
  drop(shard: number, ids: readonly string[]): Promise<number>;

  /** Everything that is held. */
  list(): Promise<readonly Hold[]>;
}

export interface HoldCall extends StageCall {
  /** What the database calls the transaction: its holds build on each other. */
  readonly transaction: string;
  /**
   * Its earlier holds that stand. What else it holds of these rows was rolled back with a savepoint, or is not known to
   * have arrived, and is dropped.
   */
  readonly standing: readonly string[];
}

export interface Hold {
  readonly shard: number;
  readonly id: string;
  readonly transaction: string;
  /** Milliseconds since it was held. */
  readonly ageMs: number;
}

/** Which rows a drain is about. */
export type DueScope = EmptyScope | { readonly kind: 'rows'; readonly keys: readonly RowKey[] };

/** What is to be thrown away. */
export type EmptyScope = { readonly kind: 'all' } | TableScope;

/** How much was thrown away: pending records, and dead letters. */
export interface EmptyReport {
  readonly records: number;
  readonly dead: number;
}

export interface TableScope {
  readonly kind: 'tables';
  readonly tables: readonly TableName[];
  /**
   * Entities that are known to have no row in these tables. A store that counts what is pending by entity can tell by
   * them that it holds nothing of the scope.
   */
  readonly others?: readonly string[];
}

export interface DueRecords {
  /**
   * When each shard wants a flush: milliseconds from now by the server's clock, 0 for now (also for a batch in flight),
   * `undefined` for never. Index = shard.
   */
  next(): Promise<readonly (number | undefined)[]>;
  /**
   * Whether anything of these tables is pending, or anything at all is held: one cheap question, for it is asked before
   * every query. It may say yes where only the rows themselves could tell, and never says no while a change is pending
   * that was staged, or held, before the call.
   */
  any(scope: TableScope): Promise<boolean>;
  /**
   * Makes what is pending in the scope due now. Answers shard -> watermark for the shards where anything is pending. A
   * row that came back because PostgreSQL refused it (`again` with more attempts than it had) keeps its pause.
   */
  make(scope: DueScope): Promise<ReadonlyMap<number, Watermark>>;
  /**
   * Of these shards, those where something that was made due at or before the watermark is still pending, as far as is
   * known.
   */
  pending(watermarks: ReadonlyMap<number, Watermark>): Promise<ReadonlyMap<number, DrainState>>;
  /** The rows of the scope, in these shards, that have been made due or are in flight; or all that are pending. */
  rows(scope: EmptyScope, shards: Iterable<number>, which?: 'made-due' | 'pending'): Promise<readonly RowKey[]>;
}

/** Where a shard stood when a drain of it began. */
export interface Watermark {
  /** The shard's stage sequence: what was staged later is not the drain's. */
  readonly sequence: number;
  /** How often records that a drain had made due have come back from a flush unwritten, whichever process it was in. */
  readonly putOff: number;
  /**
   * Rows of the scope that PostgreSQL has refused keep their pause, and are not made due: `some` of what is pending, or
   * `all` of it, and then there is nothing to try.
   */
  readonly paused?: 'some' | 'all';
}

/** `untried`: it has not been tried since. `put-off`: it may have been, but records have come back. */
export type DrainState = 'untried' | 'put-off';

/**
 * Who stages what. An entity is left once nothing of it is pending anywhere: from then on whoever would still stage it
 * is refused, so that a process which writes it by SQL need not ask any more.
 */
export interface StagedPolicies {
  /**
   * Leaves each of these entities of which nothing is pending, and nothing was staged for so long.
   * @returns entity -> `left`, or why it is not: `pending`, something has to be written first; `staged`, somebody has
   * staged it a moment ago
   */
  leave(entities: readonly string[], quietMs: number): Promise<ReadonlyMap<string, LeaveState>>;
  /** Lets entities that were left be staged again. */
  rejoin(entities: readonly string[]): Promise<void>;
}

export type LeaveState = 'left' | 'pending' | 'staged';

export interface StagingStats {
  /** Entity -> records that are dirty or in flight. */
  readonly pending: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly dead: number;
  /** Dead letters that were dropped since the beginning, because they were too many or too old. */
  readonly deadDropped: number;
  /**
   * Milliseconds since the first change of the record that should be written before all others, the oldest as long as
   * the sink keeps up with what is due; absent when nothing is pending.
   */
  readonly oldestMs?: number;
  /** Changes that transactions hold which have not ended. */
  readonly held: number;
  /**
   * Changes accepted since the beginning, and how many of them ended in a record that was there already, or annihilated
   * one.
   */
  readonly staged: number;
  readonly coalesced: number;
  readonly annihilated: number;
}
