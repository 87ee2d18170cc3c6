import type { RowKey } from '../change/row-key.js';
import type { TableName } from '../change/table-name.js';

/**
 * The part of the staging store that keeps copies of rows. A copy exists only while no change of its row is pending and
 * no transaction writes it, so a copy that is found is the row in PostgreSQL. A look-up that finds no copy gets a
 * ticket, and only with it may the reader put a copy there. Every change of the row takes the ticket away, so a row
 * that was read before the change is not kept after it.
 *
 * A store that has fallen back to an older state of itself does not answer copies of that state. Every method rejects
 * like the methods of `StagingStore`.
 *
 * @example
 * const answers = await cache.look(table, [key]); // key -> { kind: 'ticket', ticket }
 * await cache.keep(table, [{ rowKey: key, ticket, bytes }], 60_000); // 1; 0 if the row was changed meanwhile
 */
export interface RowCache {
  /** Row -> its copy, or how to go on. If a row is left out, the reader loads it from PostgreSQL, and keeps no copy. */
  look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>>;

  /**
   * Keeps copies of rows that were read after their tickets were given, for `ttlMs` milliseconds. A copy without bytes
   * gives its ticket back. Answers how many it has taken.
   */
  keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number>;

  /** Call it before a transaction commits: the rows that it has written have no copies until `unblock`. */
  block(scope: BlockScope, transaction: string): Promise<void>;

  /** The transaction has ended, in either way. */
  unblock(scope: BlockScope, transaction: string): Promise<void>;

  /** Forgets all copies and all tickets. */
  clear(): Promise<void>;
}

/** The rows of a table that a transaction writes; `all`: it is not known which. */
export interface BlockScope {
  readonly table: TableName;
  readonly keys: readonly RowKey[] | 'all';
}

export type CacheAnswer =
  | { readonly kind: 'copy'; readonly bytes: Uint8Array }
  /** There is no copy: the reader of the row may put one there with this ticket. */
  | { readonly kind: 'ticket'; readonly ticket: string }
  /** Another reader has the ticket, and will put a copy there in a moment. */
  | { readonly kind: 'taken' }
  /** A change of the row is pending or held. */
  | { readonly kind: 'pending' }
  | Blocked;

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
