import type { BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey } from '../change/row-key.js';
import type { TableName } from '../change/table-name.js';
import type { CopyRegistry, EntityRegistry } from './registry.js';
import type { Table } from './table.js';
import type { Batch } from '../staging/staging-store.js';

/**
 * THE OTHER PORT: what takes batches. It is also the coordinator: whoever holds a shard's row in an open transaction is the only one that can commit a batch of that shard.
 */
export interface ChangeSink {
  /**
   * Whether it and the application have one connection between them. Then a transaction of its own begins when that of the application has ended, so nobody inside may wait for one; and what is
   * asked inside (`registry`, `outcomes`, `numbers`, `endings`) is answered there, with what was committed before it.
   */
  readonly sharesConnection: boolean;

  /**
   * Creates (`ensure`) or verifies the shard table and the ledger. Answers what tells this database from every other, so
   * that staged changes never reach a wrong one. Throws `CONFIG_INVALID` that says how to create them.
   */
  prepare(shards: number, ensure: boolean): Promise<string>;

  /** Of which entities changes may be staged. */
  readonly registry: EntityRegistry;

  /** Of which tables copies are kept, and believed. */
  readonly copies: CopyRegistry;

  /**
   * Looks whether rows of these tables can be written by their keys. A table that does not exist yet is passed over.
   * @throws SpillwayError `ENTITY_UNSUPPORTED` that names the first that cannot be, and what to do
   */
  inspect(tables: readonly Table[]): Promise<void>;

  /** The ORM has come to know other entities: these are all tables from now on whose rows it writes. */
  know(tables: readonly Table[]): void;

  /**
   * Whether any process has ever prepared this database for the namespace. If not, or if there is no such database,
   * nothing is staged for it. `ensure` makes the tables that an older release has not made.
   */
  isPrepared(ensure: boolean): Promise<boolean>;

  /** Opens a transaction that holds those of the shards that nobody else holds. */
  begin(shards: readonly number[]): Promise<SinkTransaction>;

  /**
   * The same for shards whose last token is needed for certain: waits for other holders, up to the statement's time-out.
   * @throws SpillwayError `ONE_CONNECTION` inside a transaction of the application that has the connection
   */
  beginExclusive(shards: readonly number[]): Promise<SinkTransaction>;

  /** Takes part in a transaction of the application, on its connection; nothing is sent before it is asked for. */
  join(query: CallerQuery): JoinedTransaction;

  /**
   * Of these tokens, those that have been committed, with the outcomes that the ledger holds. Read on a connection of its own.
   */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Shard -> the last token that was committed for it. A shard that nobody has prepared is left out. */
  lastTokens(shards: readonly number[]): Promise<ReadonlyMap<number, string>>;

  /**
   * Takes numbers for new rows from the sequence that belongs to the table's key, so that they differ from those of whoever inserts by SQL. Decimal texts.
   * @throws SpillwayError `CONFIG_INVALID` if the column has no sequence, or PostgreSQL gives no number from it
   */
  numbers(table: Table, count: number): Promise<readonly string[]>;

  /** The rows that a record refers to, as far as they may be staged too, and this process knows the record's table. */
  parentsOf(rowKey: RowKey, record: StagedRecord): readonly RowKey[];

  /** In which schema tables are, those that there are: where a table is named without one, the search path decides. */
  schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>>;

  /**
   * How transactions of the application that hold changes have ended, for certain: by their row in the ledger, read on a connection of its own once they no longer run. Hold -> ending.
   */
  endings(holds: readonly HeldIn[]): Promise<ReadonlyMap<string, HoldEnding>>;

  /** Forgets ledger rows older than this; the last token of a shard is never forgotten, nor is a hold that is still `held`. Answers how many. */
  prune(olderThanMs: number, held: readonly string[]): Promise<number>;

  /**
   * A round trip that tells whether rows could be written at present: rejects with a `SinkDown` that says why not. Resolves at once where the database is in this process. What only writing
   * shows, such as a full disk, it does not see.
   */
  check(): Promise<void>;

  /**
   * How long the transaction that was begun first, of those that have no connection yet, has waited for one:
   * milliseconds. A pooler, or PostgreSQL itself, may have none to give, and 0 says that all have theirs.
   */
  readonly waitsForConnectionMs: number;

  /** The tables that this process could not write lately, and whose records wait for that. */
  readonly paused: readonly TablePause[];

  /** Resolves when what is under way has ended, and every connection is closed. Nothing new begins. */
  close(): Promise<void>;

  /** Ends every connection at once: what is under way fails, and nothing new begins. */
  cutOff(): void;
}

/** Why a table cannot be written, or many of its rows. */
export interface TablePause extends TableName {
  /** SQLSTATE, or `UNKNOWN_TABLE`: this process has no entity for a table that records name. */
  readonly code: string;
  readonly reason: string;
  /** PostgreSQL refuses many rows of it, and others are written. */
  readonly isOfRows?: boolean;
}

/** A hold, and the transaction that it was made in, as the database calls it. */
export interface HeldIn {
  readonly id: string;
  readonly transaction: string;
}

export type HoldEnding =
  | { readonly kind: 'running' }
  /** `written`: rows that the transaction has written itself. */
  | { readonly kind: 'committed'; readonly written: readonly RowKey[] }
  /** The transaction has ended without it. */
  | { readonly kind: 'dropped' };

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
   * `othersPending` answers for which refused rows something of their table is still to be written that may be the cause.
   * `isPart` says that more is pending of these shards than the batches hold: then parents are asked for beforehand.
   */
  write(
    batches: readonly Batch[],
    parentsPending: ParentsPending,
    othersPending?: OthersPending,
    isPart?: boolean,
  ): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Rejects unless the server answered `COMMIT`; whether it happened is then for the ledger to say. */
  commit(): Promise<void>;

  /** Rolls back unless committed, and gives the connection back. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type ParentsPending = (keys: readonly RowKey[]) => Promise<ReadonlySet<RowKey>>;

/** A row that PostgreSQL refuses after everything else of its transaction has been written. */
export interface RefusedRow {
  readonly rowKey: RowKey;
  /** Whose rows may be the cause. */
  readonly behind: readonly TableName[];
  /** When its first change was staged: milliseconds by the clock that dates the records. */
  readonly firstAtMs: number;
}

/**
 * Which of some refused rows have to wait, because something of these tables that was staged before is not written yet.
 */
export type OthersPending = (rows: readonly RefusedRow[]) => Promise<ReadonlySet<RowKey>>;

/**
 * One statement with parameters on the connection of the application's transaction. Rows are objects whose values come in the order of the columns, parsed as the application's driver does it.
 * While a transaction is joined, nobody else may use the connection.
 */
export type CallerQuery = (text: string, values: readonly unknown[]) => Promise<readonly object[]>;

/**
 * A transaction of the application in which staged rows are written, because its own locks are in the way of everybody else who could. It is not ours: no setting of it stays changed, nothing in it
 * waits for a row that somebody else has, and what fails is taken back to a savepoint, so that it goes on.
 */
export interface JoinedTransaction {
  /** Makes it a transaction that writes. */
  begin(): Promise<TransactionOfCaller>;

  /** Enters a hold into the ledger, to be committed with the transaction, or undone with the savepoint before. */
  enterHold(id: string): Promise<void>;

  /** Whether rows can be written in it: it writes at all, and sees what others have just committed. */
  accepts(): Promise<boolean>;

  /** As `ChangeSink.outcomes`, but as the transaction sees it: with batches that it has entered itself. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Runs in a savepoint, which is released if `act` resolves and rolled back to if it rejects. */
  attempt<T>(act: (part: JoinedPart) => Promise<T>): Promise<T>;
}

export interface TransactionOfCaller {
  /** What the database calls it, for ever: no other transaction is ever called so. */
  readonly name: string;
  /** Whether its statements go where the sink's go: with the same rights, and the same table for the same name. */
  readonly isAtHome: boolean;
}

export interface JoinedPart {
  /** Takes the shard until the application's transaction ends. Answers its last token, or nothing if somebody else has it. */
  hold(shard: number): Promise<string | undefined>;

  /** The outcome in the ledger row of a token, as this transaction sees it: committed by anybody, or written by itself. */
  outcomeOf(token: string): Promise<BatchOutcome | undefined>;

  /** Writes rows as `SinkTransaction.write` does, but waits for none of them, and enters nothing into the ledger. */
  apply(batch: Batch, parentsPending: ParentsPending, othersPending?: OthersPending): Promise<BatchOutcome>;

  /** Enters a batch into the ledger and makes its token the shard's last. */
  enter(batch: Pick<Batch, 'shard' | 'token'>, outcomes: BatchOutcome): Promise<void>;

  /** Notes in the ledger which rows of a hold that this transaction has entered it has written itself: all of them. */
  amendHold(id: string, written: readonly RowKey[]): Promise<void>;

  /** Replaces the outcome of a batch that this transaction has entered. */
  amend(token: string, outcomes: BatchOutcome): Promise<void>;
}
