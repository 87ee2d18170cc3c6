import type { VersionText } from '../change/change.js';
import type { HeldLayer } from '../change/held-layer.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey, TableName } from '../change/row-key.js';

/** The part of the staging store that is asked what is pending, and what became of what was. */
export interface LookSide {
  /** How many shards there are; fixed for the life of the data. */
  readonly shards: number;

  /** Pending changes of these rows, and the last write that the store remembers. Unknown rows are not in the map. */
  peek(keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, Pending>>;

  /** The fate of staged changes, whichever process wrote or buried them. In the order of the marks. */
  settled(marks: readonly StagedMark[]): Promise<readonly Settlement[]>;

  /** Where the chain of a shard stands. `undefined`: the shard is not adopted. */
  chain(shard: number): Promise<ChainSeen | undefined>;

  readonly due: DueRecords;
}

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

/** Where the chain of a shard stands. `inFlight` is empty when nothing is. */
export interface ChainSeen {
  readonly inFlight: string;
  readonly last: string;
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

/** Which rows a drain is about. */
export type DueScope = EmptyScope | { readonly kind: 'rows'; readonly keys: readonly RowKey[] };

/** What is to be thrown away. */
export type EmptyScope = { readonly kind: 'all' } | TableScope;

export interface TableScope {
  readonly kind: 'tables';
  readonly tables: readonly TableName[];
  /**
   * Entities that are known to have no row in these tables. A store that counts what is pending by entity can tell by
   * them that it holds nothing of the scope.
   */
  readonly others?: readonly string[];
}

/** When a shard wants a flush, or why that is not known. */
export type ShardWait = number | undefined | Error;

export interface DueRecords {
  /**
   * When each shard wants a flush: milliseconds from now by the server's clock, 0 for now (also for a batch in flight),
   * `undefined` for never. If one of several servers does not answer, its error stands for each of its shards. Index =
   * shard.
   */
  next(): Promise<readonly ShardWait[]>;
  /**
   * Whether anything of these tables is pending, or anything at all is held: one cheap question, for it is asked before
   * every query. It may say yes where only the rows themselves could tell. It never says no while a change is pending
   * that was staged, or held, before the call.
   */
  any(scope: TableScope): Promise<boolean>;
  /**
   * Makes what is pending in the scope due now. Answers shard -> watermark for the shards where anything is pending,
   * and for those that are not adopted, unless the scope is of rows: their flush adopts them, and finds out what is
   * lost. A row that came back because PostgreSQL refused it (`again` with more attempts than it had), or because its
   * entity is paused (`keepsPause`), keeps its pause.
   *
   * @param onHeld called if a layer is held, or may be, in a shard that may have rows of the scope
   */
  make(scope: DueScope, onHeld?: () => void): Promise<ReadonlyMap<number, Watermark>>;
  /** Makes everything due now, also what keeps its pause. */
  endPauses(): Promise<void>;
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
   * The token that was acknowledged last, where nothing was in flight. The next batch, if it has room for all that is
   * due, has everything that was made due.
   */
  readonly after?: string;
  /**
   * Rows of the scope that PostgreSQL has refused keep their pause, and are not made due: `some` of what is pending, or
   * `all` of it, and then there is nothing to try.
   */
  readonly paused?: 'some' | 'all';
}

/** `untried`: it has not been tried since. `put-off`: it may have been, but records have come back. */
export type DrainState = 'untried' | 'put-off';
