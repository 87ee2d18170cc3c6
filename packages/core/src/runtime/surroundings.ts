import type { MarkedOrm } from '../cache/cache.js';
import type { FlushSteps } from '../flush/flush-shards.js';
import type { DatabaseAccess } from '../mikro-orm/hooks/orm-database.js';
import type { CallersContext } from '../mikro-orm/transactions/caller.js';
import type { TypeRegistry } from '../mikro-orm/describe/type-registry.js';
import type { Home } from '../sink/postgres/home.js';
import type { Logger, ResolvedOptions } from '../options.js';
import type { Telemetry } from './telemetry.js';

/** How the ORM comes to its database. */
export interface OrmConnecting {
  /** True if the ORM has to connect before Spillway opens anything. */
  readonly connectsFirst: () => boolean;
  /** Connects, where it is not connected; it may make its database then. Its first query would do so too. */
  readonly connect: () => Promise<void>;
  /** Resolves when it is not on its way to a database. @throws SpillwayError `DATABASE_UNAVAILABLE` */
  readonly arrived: () => Promise<void>;
}

/** An engine's inputs from its ORM. */
export interface RuntimeSurroundings {
  readonly options: ResolvedOptions;
  readonly types: TypeRegistry;
  /** How to reach the ORM's database; asked when it is needed first. */
  readonly database: () => DatabaseAccess;
  readonly orm: OrmConnecting;
  /** Its transactions, and its way of sending SQL in them. */
  readonly marked: MarkedOrm;
  /** Where the ORM writes, to compare with; `undefined` where Spillway writes by the ORM's own connection. */
  readonly home?: Home | undefined;
  /** The transaction that the application's code runs in; known only where the database has one connection. */
  readonly context: CallersContext;
  readonly logger: Logger;
  /** Publishes what the engine does on the channels of the process. */
  readonly telemetry: Telemetry;
  readonly steps?: FlushSteps;
  readonly holdSteps?: HoldSteps;
}

/**
 * The steps of a transaction that holds changes, each named when it is done. A process can die there, and other
 * processes must go on.
 */
export type HoldStep = 'held' | 'entered' | 'ended' | 'staged';

/** Called after each step. Work goes on when it resolves, and is cut off there if it rejects. For fault tests. */
export type HoldSteps = (step: HoldStep, shards: readonly number[]) => Promise<void>;
