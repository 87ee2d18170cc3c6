import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { Table } from './table.js';
import type { Batch } from '../staging/staging-store.js';

/**
 * THE OTHER PORT: what takes batches. It is also the coordinator: whoever holds a shard's row in an open transaction is the only one that can commit a batch of that shard.
 */
export interface ChangeSink {
  /**
   * Creates (`ensure`) or verifies the shard table and the ledger. Answers what tells this database from every other, so
   * that staged changes never reach a wrong one. Throws `CONFIG_INVALID` that says how to create them.
   */
  prepare(shards: number, ensure: boolean): Promise<string>;

  /** Of which entities changes may be staged. */
  readonly registry: EntityRegistry;

  /** Whether anybody has ever prepared this database for the namespace. If not, or if there is no such database, nothing is staged for it. */
  isPrepared(): Promise<boolean>;

  /** Opens a transaction that holds those of the shards that nobody else holds. */
  begin(shards: readonly number[]): Promise<SinkTransaction>;

  /** The same for shards whose last token is needed for certain: waits for other holders, up to the statement's time-out. */
  beginExclusive(shards: readonly number[]): Promise<SinkTransaction>;

  /**
   * Of these tokens, those that have been committed, with the outcomes that the ledger holds. Read on a connection of its own.
   */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;

  /**
   * Takes numbers for new rows from the sequence that belongs to the table's key, so that they differ from those of whoever inserts by SQL. Decimal texts.
   * @throws SpillwayError `CONFIG_INVALID` if the column has no sequence
   */
  numbers(table: Table, count: number): Promise<readonly string[]>;

  /** Forgets ledger rows older than this; the last token of a shard is never forgotten. Answers how many. */
  prune(olderThanMs: number): Promise<number>;

  close(): Promise<void>;
}

/**
 * Which entities of the namespace are staged, as the database knows it: whoever writes by SQL can ask it without the staging store, which may be gone by then.
 */
export interface EntityRegistry {
  /** Before anything of them is staged. */
  add(entities: ReadonlyMap<string, TableName>): Promise<void>;
  /** Entity -> its table. */
  list(): Promise<ReadonlyMap<string, TableName>>;
  /** Once they were left. */
  remove(entities: readonly string[]): Promise<void>;
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

export interface SinkTransaction extends AsyncDisposable {
  /** Shard -> last committed token. Only the shards that this transaction holds. */
  readonly held: ReadonlyMap<number, string>;

  /** The outcome that the ledger holds for a token, if it was committed before. */
  outcomeOf(token: string): Promise<BatchOutcome | undefined>;

  /** A round trip: rejects if the connection, and with it the hold on the shards, is gone. */
  alive(): Promise<void>;

  /**
   * Writes the batches, rows and ledger, and answers token -> outcome. Row faults end in outcomes; anything else rejects, and the transaction must be rolled back.
   * `parentsPending` answers which of some rows are still staged, so that a child can wait for its parent without being blamed.
   */
  write(batches: readonly Batch[], parentsPending: ParentsPending): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Rejects unless the server answered `COMMIT`; whether it happened is then for the ledger to say. */
  commit(): Promise<void>;

  /** Rolls back unless committed, and gives the connection back. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type ParentsPending = (keys: readonly RowKey[]) => Promise<ReadonlySet<RowKey>>;
