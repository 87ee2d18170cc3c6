import type { Table } from './table.js';

/** Questions of the doctor to the database. They change nothing. */
export interface DatabaseExamination {
  /** @throws SinkFailure, SpillwayError `CONFIG_INVALID`: there is no way to the place where the ORM writes */
  server(): Promise<DatabaseServer>;

  /** The rights that the role lacks on Spillway's own tables, and on those of entities. */
  missingRights(tables: readonly Table[]): Promise<readonly MissingRights[]>;

  /** How the tables of entities differ from what the entities expect. */
  misfits(tables: readonly Table[]): Promise<readonly Misfit[]>;

  /**
   * Takes so many connections at once, each in a transaction that reads nothing, and gives them back. `undefined`: the
   * database has one connection alone.
   * @param timeoutMs how long all of them together may take
   */
  connections(count: number, timeoutMs: number): Promise<ConnectionsFound | undefined>;

  close(): Promise<void>;
}

export interface DatabaseServer {
  /** Of PostgreSQL: `18.1`. */
  readonly version: string;
  readonly role: string;
  readonly database: string;
  readonly isReplica: boolean;
}

export interface MissingRights {
  /** Schema and name. */
  readonly table: string;
  /** `select`, `insert`, `update`, `delete`, or `usage` of the schema. */
  readonly rights: readonly string[];
}

/** Where a table and its entity do not fit. */
export interface Misfit {
  readonly entity: string;
  readonly table: string;
  /** `false`: rows can be written all the same. */
  readonly isFatal: boolean;
  /** A clause: `has no column "name"`. */
  readonly what: string;
}

export interface ConnectionsFound {
  /** How many there were at once. */
  readonly got: number;
  /** Why there were no more; absent if there were enough, or if the time was up. */
  readonly refusal?: Error;
  /** True if something stands between this process and the server. */
  readonly isPooled: boolean;
  /** True if two connections were given one connection of the server, one after the other: a pool by transactions. */
  readonly isByTransaction: boolean;
}
