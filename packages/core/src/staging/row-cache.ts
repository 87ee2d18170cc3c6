import type { StagedRecord } from '../change/record.js';
import type { RowKey, TableName } from '../change/row-key.js';
import type { Pending } from './look-side.js';

/**
 * The part of the staging store that keeps copies of rows. A copy is the row without anything that is pending, and
 * outlives staged changes: a look-up answers it with what is pending of the row at the same moment, and the reader lays
 * that over it. A look-up that finds no copy gets a ticket, and only with it may the reader put a copy there. The end
 * of a batch takes copies and tickets of its rows away, so a row that was read before its flush is not kept after it.
 * A transaction that writes the row blocks it.
 *
 * Instead of dropping a copy, the end of a batch may carry it on: it keeps the record that was written behind the copy.
 * A reader who cannot tell exactly what PostgreSQL made of the record takes the copy for none.
 *
 * A store that has fallen back to an older state of itself does not answer copies of that state. Every method rejects
 * like the methods of `StagingStore`.
 *
 * @example
 * const answers = await cache.look(table, [key]); // key -> { kind: 'ticket', ticket }
 * await cache.keep(table, [{ rowKey: key, ticket, bytes }], 60_000); // 1; 0 if the row was written meanwhile
 * await store.stage(change); // of the same row
 * await cache.look(table, [key]); // key -> { kind: 'copy', bytes, carried: [], pending: { dirty } }
 */
export interface RowCache {
  /** Row -> its copy, or how to go on. If a row is left out, the reader loads it from PostgreSQL, and keeps no copy. */
  look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>>;

  /**
   * Keeps copies of rows for `ttlMs` milliseconds: rows as PostgreSQL had them after their tickets were given, without
   * what is pending. A copy without bytes gives its ticket back. While a row is in flight, held or blocked, its copy is
   * refused, and its ticket is void. Answers how many it has taken.
   */
  keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number>;

  /** Call it before a transaction commits: the rows that it has written have no copies until `unblock`. */
  block(scope: BlockScope, transaction: string): Promise<void>;

  /** The transaction has ended, in either way. */
  unblock(scope: BlockScope, transaction: string): Promise<void>;

  /** Drops copies of rows, and tickets for them. */
  drop(keys: readonly RowKey[]): Promise<void>;

  /** Forgets all copies and all tickets. */
  clear(): Promise<void>;
}

/** The rows of a table that a transaction writes; `all`: it is not known which. */
export interface BlockScope {
  readonly table: TableName;
  readonly keys: readonly RowKey[] | 'all';
}

export type CacheAnswer =
  | CopyFound
  /** There is no copy: the reader of the row may put one there with this ticket. */
  | { readonly kind: 'ticket'; readonly ticket: string }
  /** Another reader has the ticket, and will put a copy there in a moment. */
  | { readonly kind: 'taken' }
  /** The row has no copy and is in flight, or a transaction holds changes of it. */
  | { readonly kind: 'pending' }
  | Blocked;

/** A copy: the row as it was read, with the records that were written since, the oldest first. */
export interface CopyFound {
  readonly kind: 'copy';
  readonly bytes: Uint8Array;
  readonly carried: readonly StagedRecord[];
  /** What is pending of the row at the same moment, and its last write that is remembered. Never `held`. */
  readonly pending?: Pending;
}

/** These transactions write the row, or its table as a whole; or they have ended, and the store was not told. */
export interface Blocked {
  readonly kind: 'blocked';
  readonly by: 'row' | 'table';
  readonly transactions: readonly string[];
}

export interface CacheCopy {
  readonly rowKey: RowKey;
  readonly ticket: string;
  readonly bytes?: Uint8Array | undefined;
}

/**
 * How long a ticket is good, and other readers wait for its holder, milliseconds: longer than a look-up by key should
 * ever take.
 */
export const TICKET_MS = 3_000;

/** About how many bytes a copy takes beyond its key and its content. */
export const COPY_OVERHEAD_BYTES = 100;

/** How many records of later writes stand behind a copy, at most. One more, and it is dropped. */
export const MOST_CARRIED = 8;
