import type { Values, VersionText } from '../change/change.js';
import type { BatchOutcome } from '../change/outcome.js';
import type { StagedRecord } from '../change/record.js';
import type { RowKey, TableName } from '../change/row-key.js';
import type { PausedEntities } from './paused-entities.js';
import type { CopyRegistry, EntityRegistry } from './registry.js';
import type { Table } from './table.js';
import type { Batch } from '../staging/flush-side.js';

/**
 * THE OTHER PORT: takes batches, and coordinates their writers: only the transaction that has locked a shard's row can
 * commit a batch of that shard.
 */
export interface ChangeSink {
  /**
   * True if the sink and the application share one connection. A transaction of the sink then begins after that of the
   * application has ended, so code inside the latter must not wait for it. Questions asked inside (`registry`,
   * `outcomes`, `numbers`, `endings`) are answered there, as of what was committed before it.
   */
  readonly hasOneConnection: boolean;

  /**
   * Creates (`ensure`) or verifies the shard table and the ledger.
   *
   * @param shards the number that this process is set to. `undefined`: the number that the database has for the
   * namespace; a namespace that is made now gets 16
   * @throws SpillwayError `CONFIG_INVALID` that says how to create them; `SHARD_MAP_MISMATCH` if the database has
   * another number of shards, or while shards are moved
   */
  prepare(shards: number | undefined, ensure: boolean): Promise<PreparedSink>;

  /** The entities of which changes may be staged. */
  readonly registry: EntityRegistry;

  /** The tables of which copies are kept, and believed. */
  readonly copies: CopyRegistry;

  /** The entities whose changes wait because an operator has paused them. */
  readonly pausedEntities: PausedEntities;

  /**
   * Checks that rows of these tables can be written by their keys. A table that does not exist yet is skipped.
   * @throws SpillwayError `ENTITY_UNSUPPORTED` that names the first table that does not fit, and what to do
   */
  inspect(tables: readonly Table[]): Promise<void>;

  /** Replaces the tables whose rows the sink writes: the ORM has discovered other entities. */
  know(tables: readonly Table[]): void;

  /**
   * True if any process has ever prepared this database for the namespace. If not, or if there is no such database,
   * nothing is staged for it. `ensure` makes the tables that an older release has not made.
   */
  isPrepared(ensure: boolean): Promise<boolean>;

  /**
   * Opens a transaction that locks those of the shards that no other transaction has locked.
   * @param claimed tokens of batches that were claimed before: their outcomes are read in the same round trip
   */
  begin(shards: readonly number[], claimed?: readonly string[]): Promise<SinkTransaction>;

  /**
   * The same for shards whose last token must be certain: waits for other transactions, up to the statement's time-out.
   * @throws SpillwayError `ONE_CONNECTION` inside a transaction of the application that has the connection
   */
  beginExclusive(shards: readonly number[]): Promise<SinkTransaction>;

  /**
   * Does in advance what `write` of exactly these batches would do before its first statement, and keeps it for as long
   * as the batches are in use. A flush calls it while it waits for a connection.
   */
  compose(batches: readonly Batch[]): void;

  /** Takes part in a transaction of the application, on its connection. `join` itself sends nothing. */
  join(query: CallerQuery): JoinedTransaction;

  /** The tokens that were committed, with the outcomes in the ledger. Read on a connection of the sink. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Shard -> the last token that was committed for it. A shard that was never prepared is left out. */
  lastTokens(shards: readonly number[]): Promise<ReadonlyMap<number, string>>;

  /**
   * Takes numbers for new rows from the sequence of the table's key, so that they differ from the numbers of rows
   * inserted by SQL. Decimal texts.
   * @throws SpillwayError `CONFIG_INVALID` if the column has no sequence, or PostgreSQL gives no number from it
   */
  numbers(table: Table, count: number): Promise<readonly string[]>;

  /**
   * The rows that a record refers to and that may be staged too; none if this process does not know the record's table.
   */
  parentsOf(rowKey: RowKey, record: StagedRecord): readonly RowKey[];

  /**
   * A row as the database has it now, compared with a record. Nothing is locked.
   *
   * @example
   * await sink.compare(key, letter.record); // { version: '4', values: { name: '"Ada"', … }, agreed: ['name'] }
   * @returns `undefined`: there is no such row
   * @throws SpillwayError `POLICY_MISMATCH`: this process does not know the row's table
   */
  compare(rowKey: RowKey, record: StagedRecord): Promise<ComparedRow | undefined>;

  /** The schemas of those tables that exist: for a table that is named without one, the search path decides. */
  schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>>;

  /**
   * How transactions of the application that hold changes have ended, for certain: by their row in the ledger, read on
   * a connection of the sink after they no longer run. Hold -> ending.
   */
  endings(holds: readonly HeldIn[]): Promise<ReadonlyMap<string, HoldEnding>>;

  /**
   * Removes ledger rows older than this, in milliseconds, and answers how many. The last token of a shard always stays,
   * and so does a hold that is still `held`.
   */
  prune(olderThanMs: number, held: readonly string[]): Promise<number>;

  /**
   * A round trip that tells whether rows can be written at present: rejects with a `SinkDown` that gives the reason.
   * Resolves at once for a database in this process. It does not see causes that only a write shows, such as a full
   * disk.
   */
  check(): Promise<void>;

  /**
   * How long, in milliseconds, the oldest transaction without a connection has waited for one; 0 if none waits. A
   * pooler, or PostgreSQL itself, may have none to give.
   */
  readonly waitsForConnectionMs: number;

  /** The tables that this process could not write lately, and whose records therefore wait. */
  readonly paused: readonly TablePause[];

  /** Ends the sink: nothing new begins. Resolves when all running work has ended, and every connection is closed. */
  close(): Promise<void>;

  /** Ends every connection at once: running work fails, and nothing new begins. */
  cutOff(): void;
}

/** A row of the database beside a record of it. */
export interface ComparedRow {
  readonly version?: VersionText;
  /** Of all properties but key and version. */
  readonly values: Values;
  /** Properties of the record's values that the row has already, as PostgreSQL compares them. */
  readonly agreed: readonly string[];
}

export interface PreparedSink {
  /** Of this database, for the namespace: no other database has it, so staged changes never reach a wrong one. */
  readonly identity: string;
  readonly shards: number;
}

/** The reason why a table cannot be written, or many of its rows cannot. */
export interface TablePause extends TableName {
  /** SQLSTATE, or `UNKNOWN_TABLE`: this process has no entity for a table that records name. */
  readonly code: string;
  readonly reason: string;
  /** PostgreSQL refuses many of its rows, and takes others. */
  readonly isOfRows?: boolean;
}

/** A hold, and the database's name of the transaction in which it was made. */
export interface HeldIn {
  readonly id: string;
  readonly transaction: string;
}

export type HoldEnding =
  | { readonly kind: 'running' }
  /** `written`: rows that the transaction has written itself. */
  | { readonly kind: 'committed'; readonly written: readonly RowKey[] }
  /** The transaction has ended without the hold. */
  | { readonly kind: 'dropped' };

export interface SinkTransaction extends AsyncDisposable {
  /** Shard -> last committed token. Only the shards that this transaction has locked. */
  readonly locked: ReadonlyMap<number, string>;

  /** The outcome that the ledger holds for a token, if it was committed before. */
  outcomeOf(token: string): Promise<BatchOutcome | undefined>;

  /** A round trip: rejects if the connection is lost, and with it the locks of the shards. */
  alive(): Promise<void>;

  /**
   * A question before a shard is begun in the staging store, with this transaction's lock: a process of another map
   * would begin it where nobody looks for it. Whoever moves the shards, and waits for the lock, finds it begun.
   * @throws SpillwayError `SHARD_MAP_MISMATCH`: the shards are moved, or have been since the sink was prepared
   */
  assertMap(): Promise<void>;

  /**
   * Writes the rows of the batches, and answers token -> outcome. Row faults end in outcomes. Any other failure
   * rejects, and the caller must roll the transaction back.
   * @param parentsPending answers which of some rows are still staged, so that a child waits for its parent without
   * blame
   * @param othersPending answers which refused rows have to wait for a pending row that may be the cause
   * @param isPart more is pending in these shards than the batches hold, so parents are asked for beforehand
   */
  write(
    batches: readonly Batch[],
    parentsPending: ParentsPending,
    othersPending?: OthersPending,
    isPart?: boolean,
  ): Promise<ReadonlyMap<string, BatchOutcome>>;

  /**
   * Enters the batches that were written into the ledger, and commits. Rejects unless the server answered `COMMIT`.
   * After a rejection, the ledger tells whether it was committed.
   */
  commit(): Promise<void>;

  /** Rolls back unless committed, and gives the connection back. Never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type ParentsPending = (keys: readonly RowKey[]) => Promise<ReadonlySet<RowKey>>;

/** A row that PostgreSQL refuses after everything else of its transaction has been written. */
export interface RefusedRow {
  readonly rowKey: RowKey;
  /** The tables whose rows may be the cause. */
  readonly behind: readonly TableName[];
  /** When its first change was staged, in milliseconds by the clock that dates the records. */
  readonly firstAtMs: number;
}

/** The refused rows that have to wait, because an earlier staged change of these tables is not written yet. */
export type OthersPending = (rows: readonly RefusedRow[]) => Promise<ReadonlySet<RowKey>>;

/**
 * One statement with parameters on the connection of the application's transaction. Rows are objects whose values come
 * in the order of the columns, parsed by the application's driver. While a transaction is joined, no other code may use
 * the connection.
 */
export type CallerQuery = (text: string, values: readonly unknown[]) => Promise<readonly object[]>;

/**
 * A transaction of the application in which staged rows are written, because its own locks would block every other
 * writer. It belongs to the application: none of its settings stays changed, it waits for no row that another
 * transaction has locked, and a failure is rolled back to a savepoint, so that it can go on.
 */
export interface JoinedTransaction {
  /** Makes it a transaction that writes. */
  begin(): Promise<TransactionOfCaller>;

  /** Enters a hold into the ledger, to be committed with the transaction, or undone with an earlier savepoint. */
  enterHold(id: string): Promise<void>;

  /**
   * True if rows can be written in the transaction: it may write, it sees what others have just committed, and its
   * statements go where the sink's go.
   */
  accepts(): Promise<boolean>;

  /** As `ChangeSink.outcomes`, but as this transaction sees the ledger: with batches that it has entered itself. */
  outcomes(tokens: readonly string[]): Promise<ReadonlyMap<string, BatchOutcome>>;

  /** Runs in a savepoint, which is released if `act` resolves and rolled back to if it rejects. */
  attempt<T>(act: (part: JoinedPart) => Promise<T>): Promise<T>;
}

export interface TransactionOfCaller {
  /** The database's name of the transaction. No other transaction ever gets it. */
  readonly name: string;
  /** True if its statements go where the sink's go: with the same rights, and the same table for the same name. */
  readonly isAtHome: boolean;
}

export interface JoinedPart {
  /**
   * Locks the shard until the application's transaction ends. Answers its last token, or nothing if another one has it.
   * After a wait that was in vain, the transaction takes no statement before the attempt has ended.
   *
   * @param waitMs how long it waits for another one to end; `0`: not at all
   */
  lock(shard: number, waitMs: number): Promise<string | undefined>;

  /** The outcome in the ledger row of a token, as this transaction sees it: committed, or written by itself. */
  outcomeOf(token: string): Promise<BatchOutcome | undefined>;

  /** Writes rows as `SinkTransaction.write` does, but waits for no row, and enters nothing into the ledger. */
  apply(batch: Batch, parentsPending: ParentsPending, othersPending?: OthersPending): Promise<BatchOutcome>;

  /** Enters a batch into the ledger and makes its token the shard's last. */
  enter(batch: Pick<Batch, 'shard' | 'token'>, outcomes: BatchOutcome): Promise<void>;

  /** Notes in the ledger which rows of its hold this transaction has written itself. `written` is the complete list. */
  amendHold(id: string, written: readonly RowKey[]): Promise<void>;

  /** Replaces the outcome of a batch that this transaction has entered. */
  amend(token: string, outcomes: BatchOutcome): Promise<void>;
}
