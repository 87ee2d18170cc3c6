import type { Change } from '../change/change.js';
import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { TableName } from '../change/table-name.js';
import type { CacheAccess } from '../read/cache-access.js';
import type { WriteWay } from '../observability/write-ways.js';
import type { KeyedRows } from '../read/read-by-key.js';
import type { EntityMarks } from './change/entity-marks.js';
import type { Duration } from '../policy/duration.js';
import type { Table } from '../sink/table.js';
import type { DueScope, EmptyScope, LeaveState, Pending, StageCall, StagedMark } from '../staging/staging-store.js';
import type { WriteBehindType } from './describe/write-behind-type.js';
import type { StageResult } from '../staging/stager.js';
import type { CallersTransaction } from './transactions/caller.js';

export interface DrainOptions {
  /** The transaction of the caller, if there is one. */
  readonly inside?: CallersTransaction | undefined;
  readonly beforeWrite?: boolean;
  /** The caller is about to lock the rows. */
  readonly beforeLock?: boolean;
  /** Ends the wait when it is aborted; what is being written is written all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What a query has met: nothing pending, something that is written now, that PostgreSQL would not take yet, or that is still not written though its policies let it go on. */
export type QueryDrain = 'clear' | 'drained' | 'refused' | 'late';

/** What any release does, as the database knows it. */
export interface Releases {
  /** Entities that may have something staged -> their tables. */
  readonly staged: ReadonlyMap<string, TableName>;
  /** Tables of which copies of rows are kept. */
  readonly copied: readonly TableName[];
}

/** How a statement waits for what is pending. */
export interface QueryWait {
  /** Aborted, it ends the wait of this caller; others wait on. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Only what reads goes on without what could not be written in time, where its policies say so.
   * @defaultValue `'read'`
   */
  readonly purpose?: 'read' | 'write';
}

/**
 * What the hooks in MikroORM ask of Spillway, by question; each hook takes the parts that it needs. Every method opens and
 * checks what it needs at its first call.
 */
export interface Engine {
  readonly life: EngineLife;
  readonly writes: EngineWrites;
  readonly waits: EngineWaits;
  readonly pending: EnginePending;
  /** Copies of rows, for look-ups by key. */
  readonly cache: Omit<CacheAccess, 'close'>;
  readonly tables: EngineTables;
  readonly releases: EngineReleases;
}

/** Opening and closing, with the ORM's connection. */
export interface EngineLife {
  /**
   * Opens what the database, which has one connection, could not open inside of the transaction that is about to begin.
   * What fails is said to whoever needs it.
   */
  openAhead(): Promise<void>;
  /**
   * Asks, on a connection of the ORM, where it writes: before its transactions have all connections, and some of them
   * wait for the answer. Once; never rejects.
   */
  locate(): Promise<void>;
  /** The ORM connects anew, perhaps to another database: closes what is open; the next use opens it again. */
  suspend(): Promise<void>;
  close(): Promise<void>;
  /** After `close()` the next use opens everything again. Waits for the end. @returns whether it was closed */
  reopen(): Promise<boolean>;
  /** The ORM is connected: where a worker ran before it was closed, it runs again, as soon as everything can be opened. */
  resume(): void;
}

/** Changes on their way into the staging store. */
export interface EngineWrites {
  /**
   * @param signal aborted before the changes are sent, it rejects with its reason, and nothing is staged. Later it
   * changes nothing: what became of them is the answer
   */
  stage(changes: readonly Change[], signal?: AbortSignal): Promise<StageResult>;
  /**
   * Holds changes of the caller's transaction: they are staged if it commits, and nobody else sees them before. All of
   * them, or none.
   * @throws SpillwayError `STAGING_UNAVAILABLE`: nothing is held
   */
  hold(changes: readonly Change[], inside: CallersTransaction): Promise<StageResult>;
  /** Finds out what became of calls whose answer was lost, and makes sure that what has not run never will. */
  settle(calls: readonly StageCall[]): Promise<StageResult>;
  /** Whether what the transaction writes goes where Spillway would write it: with one role, one table for one name. */
  isAtHome(inside: CallersTransaction): Promise<boolean>;
  /** Which staged change of an entity was its last one. */
  readonly marks: EntityMarks;
  /** Takes numbers for new rows from the sequence of the table's key. */
  numbers(table: Table, count: number): Promise<readonly string[]>;
  /** Before rows are inserted by SQL: what was last written of them by staging no longer counts. */
  forget(keys: readonly RowKey[]): Promise<void>;
  /** A change of an entity went this way. */
  count(entity: string, way: WriteWay): void;
  /** A flush could not be staged, and is written by SQL. */
  fellBack(reason: 'full' | 'down'): void;
}

/** Waits until pending changes are written. */
export interface EngineWaits {
  /**
   * Resolves when what was staged before the call is written. Inside a transaction, whose own locks may be what holds it
   * up, it waits for a moment only, then writes what it can in that very transaction, and leaves the rest pending. Before
   * a write (`beforeWrite`), rows that PostgreSQL has put off are waited for: what was staged earlier must not be written
   * later.
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  drain(scope: DueScope, options?: DrainOptions): Promise<void>;
  /**
   * Before a query outside of transactions: resolves when what was staged of these types before the call is written. If
   * nothing was, that costs one cheap question, and queries of the same types share it.
   * @param caller who is counted as having waited: `Product.find`
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  drainForQuery(touched: readonly WriteBehindType[], caller: string, how?: QueryWait): Promise<QueryDrain>;
  /** Resolves when the changes of these marks, or later ones of their rows, are committed. */
  written(marks: readonly StagedMark[], options?: { readonly timeout?: Duration }): Promise<void>;
}

/** Looks at what is pending, and at what the ledger says became of it. */
export interface EnginePending extends Pick<KeyedRows<unknown>, 'acknowledge' | 'hasForgotten'> {
  /** @param inside the caller's transaction, on whose connection it is asked */
  outcomes(tokens: readonly string[], inside?: CallersTransaction): Promise<ReadonlyMap<string, BatchOutcome>>;
  /** @param inside the caller's transaction, which sees what it holds itself */
  peek(keys: readonly RowKey[], inside?: CallersTransaction): Promise<ReadonlyMap<RowKey, Pending>>;
}

/** Tables that are cleared or dropped. */
export interface EngineTables {
  /** In which schema tables are. Nothing of those that are not there, or of which nothing can be staged yet. */
  schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>>;
  /** Before tables are cleared or dropped, or their database: throws away what is staged of them, with dead letters. */
  empty(scope: EmptyScope): Promise<void>;
}

/** Other releases of the application, on the same database. */
export interface EngineReleases {
  /** What other releases do. Asks the database alone. */
  releases(): Promise<Releases>;
  /** This process writes these tables and tells no cache of it: from when this resolves nobody believes copies of their rows. */
  disbelieve(tables: readonly TableName[]): Promise<void>;
  /** Ends the staging of entities that this process writes by SQL, where nothing of them is pending any more. */
  leave(entities: readonly string[]): Promise<ReadonlyMap<string, LeaveState>>;
}
