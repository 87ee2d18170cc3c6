import type { Change } from '../change/change.js';
import type { BatchOutcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { WriteWay } from '../observability/status.js';
import type { KeyedRows } from '../read/read-by-key.js';
import type { Operation, OperationKind } from './change/staging-unit.js';
import type { DriverOptions, Row } from './contract/methods.js';
import type { AnyEntity, ChangeSet, Collection, EntityMetadata } from '@mikro-orm/core';
import type { Tier } from '../policy/durability.js';
import type { Duration } from '../policy/duration.js';
import type { Table } from '../sink/table.js';
import type { DueScope, EmptyScope, Pending, StagedMark } from '../staging/look-side.js';
import type { WriteBehindType } from './describe/write-behind-type.js';
import type { LostUnit, ShortUnit, StageResult } from '../staging/stage-result.js';
import type { CallersTransaction } from './transactions/caller.js';

export interface DrainOptions {
  /** The transaction of the caller, if there is one. */
  readonly inside?: CallersTransaction | undefined;
  readonly beforeWrite?: boolean;
  /** The caller is about to lock the rows. */
  readonly beforeLock?: boolean;
  /** Aborting ends the wait; a write that runs goes on to its end. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The pending changes of a query's types: none (`clear`), now written (`drained`), refused by PostgreSQL for now
 * (`refused`), or not written in time, though the policies let the query go on (`late`).
 */
export type QueryDrain = 'clear' | 'drained' | 'refused' | 'late';

/** How a statement waits for pending changes. */
export interface QueryWait {
  /** Aborting ends the wait of this caller; other callers wait on. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Only a read goes on without changes that could not be written in time, if its policies say so.
   * @defaultValue `'read'`
   */
  readonly purpose?: 'read' | 'write';
}

/**
 * The questions that the hooks in MikroORM ask of Spillway; each hook takes the parts that it needs. Every method opens
 * and checks its parts at its first call.
 */
export interface Engine {
  readonly life: EngineLife;
  readonly writes: EngineWrites;
  readonly waits: EngineWaits;
  readonly pending: EnginePending;
  /** `undefined` where no entity is cached. */
  readonly cache: EngineCache | undefined;
  readonly tables: EngineTables;
  readonly leaving: EngineLeaving;
}

/** Opening and closing, with the ORM's connection. */
export interface EngineLife {
  /**
   * With one connection, nothing can be opened inside the transaction that is about to begin, so this opens it before.
   * The next caller that needs it gets the error.
   */
  openAhead(): Promise<void>;
  /**
   * Asks, on a connection of the ORM, where it writes. It asks before the ORM's transactions have all connections, and
   * some of them wait for the answer. Once; never rejects.
   */
  locate(): Promise<void>;
  /** The ORM connects anew, perhaps to another database: closes everything; the next use opens it again. */
  suspend(): Promise<void>;
  close(): Promise<void>;
  /**
   * After `close()` the next use opens everything again. Waits for the end.
   * @returns whether it was closed
   */
  reopen(): Promise<boolean>;
  /** The ORM is connected: a worker that ran before the close runs again, as soon as everything can be opened. */
  resume(): void;
}

/** Changes on their way into the staging store. */
export interface EngineWrites {
  /**
   * @param signal if it is aborted before the changes are sent, this rejects with its reason, and nothing is staged.
   * Later it has no effect: the answer tells the outcome
   * @param tier where all changes have to be, whatever their policies say
   */
  stage(changes: readonly Change[], signal?: AbortSignal, tier?: Tier): Promise<StageResult>;
  /**
   * Holds changes of the caller's transaction: its commit stages them, and no other transaction sees them before. All
   * of them, or none.
   * @param tier where all changes have to be before the transaction commits, whatever their policies say
   * @throws SpillwayError `STAGING_UNAVAILABLE`, `DURABILITY_NOT_REACHED`: nothing is held
   */
  hold(changes: readonly Change[], inside: CallersTransaction, tier?: Tier): Promise<StageResult>;
  /** Finds out whether calls without an answer have run, and makes sure that the others never will. */
  findOut(calls: readonly LostUnit[]): Promise<StageResult>;
  /** Waits once more until units have reached their tier. `lost`: the store does not have them any more. */
  waitAgain(
    units: readonly ShortUnit[],
  ): Promise<{ readonly short: readonly ShortUnit[]; readonly lost: readonly ShortUnit[] }>;
  /** True if the transaction writes where Spillway would write: with one role, one table for one name. */
  isAtHome(inside: CallersTransaction): Promise<boolean>;
  readonly marks: EntityMarks;
  /** Takes numbers for new rows from the sequence of the table's key. */
  numbers(table: Table, count: number): Promise<readonly string[]>;
  /** Call before rows are inserted by SQL: the store forgets what staging last wrote of them. */
  forget(keys: readonly RowKey[]): Promise<void>;
  /** A change of an entity went this way. */
  count(entity: string, way: WriteWay): void;
  /** A flush could not be staged, and is written by SQL. */
  fellBack(reason: 'full' | 'down'): void;
}

/**
 * The last staged change of each entity, as long as the entity lives: a caller that waits for an entity waits for that
 * change.
 */
export interface EntityMarks {
  note(operations: readonly Operation[], marks: ReadonlyMap<RowKey, StagedMark>): void;
  of(entity: AnyEntity): StagedMark | undefined;
}

/** Waits until pending changes are written. */
export interface EngineWaits {
  /**
   * Resolves when changes that were staged before the call are written. Inside a transaction, whose own locks may hold
   * the flush up, it waits only for a moment. It then writes as many as it can in that transaction, and leaves the rest
   * pending. Before a write (`beforeWrite`) it waits for rows that PostgreSQL has put off: earlier changes must not be
   * written later.
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  drain(scope: DueScope, options?: DrainOptions): Promise<void>;
  /**
   * Before a query outside of transactions: resolves when changes of these types that were staged before the call are
   * written. If there are none, that costs one cheap question, which queries of the same types share.
   * @param caller counted as having waited: `Product.find`
   * @throws SpillwayError `DRAIN_TIMEOUT`
   */
  drainForQuery(touched: readonly WriteBehindType[], caller: string, how?: QueryWait): Promise<QueryDrain>;
  /** Resolves when the changes of these marks, or later ones of their rows, are committed. */
  written(marks: readonly StagedMark[], options?: { readonly timeout?: Duration }): Promise<void>;
}

/** Looks at pending changes, and at their outcomes in the ledger. */
export interface EnginePending extends Pick<KeyedRows<unknown>, 'acknowledge' | 'hasForgotten'> {
  /** @param inside the caller's transaction, on whose connection the ledger is asked */
  outcomes(tokens: readonly string[], inside?: CallersTransaction): Promise<ReadonlyMap<string, BatchOutcome>>;
  /** @param inside the caller's transaction, which sees its own holds */
  peek(keys: readonly RowKey[], inside?: CallersTransaction): Promise<ReadonlyMap<RowKey, Pending>>;
}

/**
 * Reads rows from the database, with pending changes laid over (`rows`), and as they are there (`bare`). `isKept`: some
 * of them will be kept as copies, so no row may be older than what was committed.
 */
export type LoadRows = (
  type: WriteBehindType,
  keys: readonly RowKey[],
  isKept: boolean,
) => Promise<Readonly<Record<'rows' | 'bare', ReadonlyMap<RowKey, Row>>>>;

/** A statement past the unit of work. */
export interface RowStatement {
  readonly kind: 'update' | 'delete';
  readonly meta: EntityMetadata;
  readonly conditions: readonly unknown[];
  readonly data?: readonly object[];
}

/** Copies of rows: look-ups by key are answered from them, and whoever writes rows by SQL says so before. */
export interface EngineCache {
  /** @returns `undefined` for a read that has nothing to do with the cache */
  find(meta: EntityMetadata, where: unknown, options: DriverOptions, load: LoadRows): Promise<Row[] | undefined>;
  /** Before change sets of a flush are written. A flush always has a transaction. */
  beforeChangeSets(
    kind: OperationKind,
    changeSets: readonly ChangeSet<AnyEntity>[],
    options: DriverOptions | undefined,
  ): Promise<void>;
  /** Runs a statement that changes rows past the unit of work, and marks the rows that its conditions name. */
  around<T>(statement: RowStatement, options: DriverOptions, run: (options: DriverOptions) => Promise<T>): Promise<T>;
  /** The same for one-to-many collections. */
  aroundCollections<T>(
    collections: readonly Collection<object>[],
    options: DriverOptions,
    run: (options: DriverOptions) => Promise<T>,
  ): Promise<T>;
  /** After tables were emptied without naming rows. */
  clear(): Promise<void>;
}

/** Tables that are cleared or dropped. */
export interface EngineTables {
  /** The schemas of tables, without tables that are missing or of which nothing can be staged yet. */
  schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>>;
  /** Before tables, or their database, are cleared or dropped: throws away their staged changes, with dead letters. */
  empty(scope: EmptyScope): Promise<void>;
}

/** Entities that another release stages, and this process writes by SQL. */
export interface EngineLeaving {
  /**
   * Before entities are read or written. Nothing to wait for where no release stages what this process writes by SQL.
   * @throws SpillwayError `POLICY_MISMATCH` for an entity without a policy that others stage
   */
  before(metas: readonly EntityMetadata[]): Promise<void> | undefined;
  /** The ORM has come to know other entities, or connects anew, perhaps to another database: all is asked again. */
  again(): void;
}
