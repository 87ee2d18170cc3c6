import type { PoolConfig } from 'pg';
import type { CallerQuery } from '../change-sink.js';
import type { Paused } from '../paused-entities.js';
import type { SharedConnection } from '../shared-connection.js';
import type { Table } from '../table.js';
import type { Proof } from './home.js';
import type { TransactionLimits } from './ledger/lock-shards.js';
import type { ToldFault } from './table-pauses.js';
import type { WallTime } from './sql/version-format.js';

/** The options of `openPostgresSink`. */
export interface PostgresSinkOptions {
  /** The server, in `pg`'s options. The sink sets those of the pool itself. */
  readonly connection: PoolConfig;
  /** The application's hooks for its own connections, which apply to these too. */
  readonly hooks?: ConnectionHooks | undefined;
  /** The place where the application writes: proved before the first statement. */
  readonly home?: Proof | undefined;
  /** The connection of a database that has no other. The settings of a pool are then unused. */
  readonly shared?: SharedConnection | undefined;
  /**
   * At most this many connections of the sink: one for each concurrent flush, one for everything else, and one so that
   * a check need not wait for those.
   */
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
  /** Called for every fault of a whole table, or of many of its rows. Must not throw. */
  readonly onTableFault?: (fault: ToldFault) => void;
  /** Called by each transaction of the sink with what an operator has paused. Must not throw. */
  readonly onPaused?: (paused: Paused) => void;
  /** The clock, in milliseconds; for tests. @defaultValue `performance.now` */
  readonly now?: () => number;
  /** Called for connections that died while unused. They are replaced; this is for the log. */
  readonly onIdleError?: (error: Error) => void;
}

/** The hooks may set a role, or a search path. */
export interface ConnectionHooks {
  /** Called once for every new connection. */
  readonly onCreate?: ((query: CallerQuery) => Promise<void>) | undefined;
  /** Called each time that a connection is taken. */
  readonly onReserve?: ((query: CallerQuery) => Promise<void>) | undefined;
}

export const DEFAULT_LIMITS: TransactionLimits = {
  lockTimeoutMs: 250,
  statementTimeoutMs: 10_000,
  idleTimeoutMs: 20_000,
};
