import type { RowKey } from '../change/row-key.js';
import type { TableName } from '../change/table-name.js';

/**
 * The part of the staging store that keeps copies of rows. A copy is there only while nothing is pending of its row
 * and no transaction writes it, so one that is found is what PostgreSQL has. To put one there takes a ticket, which a
 * look-up that finds nothing is given; whatever changes the row meanwhile takes the ticket away, so what was read
 * before the change is not kept after it.
 *
 * A copy that may have been forgotten and have come back (the store has fallen back to an older state of itself) is
 * not answered. Every method rejects like those of `StagingStore`.
 */
export interface RowCache {
  /** Of rows of one table: the copy, or what to do. A row may be left out: then it is to be read, and not kept. */
  look(table: TableName, keys: readonly RowKey[]): Promise<ReadonlyMap<RowKey, CacheAnswer>>;

  /**
   * Keeps copies of rows that were read after a ticket was given for them; one without bytes gives its ticket back.
   * Answers how many it has taken.
   */
  keep(table: TableName, copies: readonly CacheCopy[], ttlMs: number): Promise<number>;

  /**
   * Before a transaction commits what it has written: its rows have no copies until somebody says that it has ended.
   */
  block(scope: BlockScope, transaction: string): Promise<void>;

  /** The transaction has ended, in either way. */
  unblock(scope: BlockScope, transaction: string): Promise<void>;

  /** Forgets all copies and all tickets. */
  clear(): Promise<void>;
}

/** What a transaction writes: these rows of a table, or it is not known which. */
export interface BlockScope {
  readonly table: TableName;
  readonly keys: readonly RowKey[] | 'all';
}

export type CacheAnswer =
  | { readonly kind: 'copy'; readonly bytes: Uint8Array }
  /** There is none: whoever reads the row now may put it there. */
  | { readonly kind: 'ticket'; readonly ticket: string }
  /** Somebody else has the ticket, and will have filled it in a moment. */
  | { readonly kind: 'taken' }
  /** Something is staged of the row. */
  | { readonly kind: 'pending' }
  | Blocked;

/** These transactions write the row, or its table as a whole; or they have ended, and nobody has said so. */
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
 * How long a ticket is good, and others wait for its holder, milliseconds: longer than a look-up by key should ever
 * take.
 */
export const TICKET_MS = 3_000;

/** What a copy takes beyond its key and its bytes, about. */
export const COPY_OVERHEAD_BYTES = 100;
