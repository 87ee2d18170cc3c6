import type { PoolConfig } from 'pg';
import type { CallerQuery } from '../change-sink.js';
import type { SharedConnection } from '../shared-connection.js';
import type { Table } from '../table.js';
import type { Home } from './home.js';
import type { TransactionLimits } from './ledger/hold-shards.js';
import type { ToldFault } from './table-pauses.js';
import type { WallTime } from './sql/version-format.js';

/** What `openPostgresSink` needs, and what it may be told. */
export interface PostgresSinkOptions {
  /** How to reach the server, in `pg`'s words. The pool's own settings are the sink's. */
  readonly connection: PoolConfig;
  /** What the application does with connections of its own, and so with these. */
  readonly hooks?: ConnectionHooks | undefined;
  /** Where the application writes: proved before the first statement. */
  readonly home?: Home | undefined;
  /** The connection of a database that has no other; then the settings of a pool are of no use. */
  readonly shared?: SharedConnection | undefined;
  /** Connections of the sink's own at most: flushes at once, one for everything else, and one so that a check need not wait for those. */
  readonly poolSize: number;
  readonly tables: readonly Table[];
  /** Keeps applications apart that share a database. */
  readonly namespace: string;
  /**
   * Schema of Spillway's own tables.
   * @defaultValue `'public'`
   */
  readonly schema?: string;
  /**
   * How a `Date` version is written into a `timestamp without time zone`.
   * @defaultValue the process's zone, as `pg` and MikroORM without `forceUtcTimezone` do
   */
  readonly wallTime?: WallTime;
  /** @defaultValue 250 ms for a lock, 10 s for a statement, 20 s idle in a transaction */
  readonly limits?: Partial<TransactionLimits>;
  /** @defaultValue 5 s */
  readonly connectTimeoutMs?: number;
  /** Told of everything that makes a whole table wait. Must not throw. */
  readonly onTableFault?: (fault: ToldFault) => void;
  /** What time it is, in milliseconds; for tests. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Told of connections that died while nobody used them. They are replaced; this is for the log. */
  readonly onIdleError?: (error: Error) => void;
}

/** They may set a role, or where names without a schema lead. */
export interface ConnectionHooks {
  /** Once for every new connection. */
  readonly onCreate?: ((query: CallerQuery) => Promise<void>) | undefined;
  /** Each time that a connection is taken. */
  readonly onReserve?: ((query: CallerQuery) => Promise<void>) | undefined;
}

export const DEFAULT_LIMITS: TransactionLimits = {
  lockTimeoutMs: 250,
  statementTimeoutMs: 10_000,
  idleTimeoutMs: 20_000,
};
