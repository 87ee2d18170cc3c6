import type { SpillwayEvents } from '../events.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { StopClock } from '../flush/stop-clock.js';
import type { ChangeSink } from '../sink/change-sink.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { MovingSink } from '../sink/map-changes.js';
import type { Paused } from '../sink/paused-entities.js';
import type { DatabaseExamination } from '../sink/database-examination.js';
import { openPostgresExamination } from '../sink/postgres/examine/open-examination.js';
import { openPostgresSink } from '../sink/postgres/open-postgres-sink.js';
import { localWallTime, utcWallTime } from '../sink/postgres/sql/wall-time.js';
import { arrival } from './open-there.js';
import type { RuntimeSurroundings } from './surroundings.js';

/** A healthy server closes idle connections far faster. */
export const CLOSING_MS = 1_000;

export const LOOK_AT_TABLES = 'At its first use Spillway looks at its tables.';

/** The sinks of one engine: that of the open parts, and those that are opened for one question. */
export class Sinks {
  readonly #around: RuntimeSurroundings;
  readonly #events: SpillwayEvents;
  readonly #open = new Set<ChangeSink>();
  readonly #onPaused: (paused: Paused) => void;

  /** @param onPaused is told by each transaction of a sink what is paused */
  constructor(around: RuntimeSurroundings, events: SpillwayEvents, onPaused: (paused: Paused) => void) {
    this.#onPaused = onPaused;
    this.#around = around;
    this.#events = events;
  }

  /**
   * Connects at the first use. `close` closes it.
   * @param usesSchemas true if it uses only names with a schema: then any role and search path will do
   */
  open(usesSchemas = false): MovingSink {
    const { options, types, database, home, logger } = this.#around;
    const { connection, hooks, shared, timestampsInUtc } = database();
    const sink = openPostgresSink({
      connection,
      hooks,
      home: usesSchemas ? home?.ofDatabase : home,
      shared,
      schema: schemaOfTables(this.#around),
      wallTime: timestampsInUtc ? utcWallTime : localWallTime,
      poolSize: (options.worker?.concurrency ?? 1) + 2,
      tables: types.inAnyMode.map(({ table }) => table),
      namespace: options.namespace,
      onTableFault: ({ isNews, isOfRows, ...fault }) => {
        if (!isNews) return;
        const { table, records, times, reason } = fault;
        const what =
          isOfRows === true
            ? `${records} changes of table ${table} wait`
            : `table ${table} cannot be written, its changes wait`;
        logger.error(`Spillway: ${what}${times > 1 ? ` (${times} times)` : ''}: ${reason}`);
        this.#events.emit({ type: 'paused', cause: 'table', ...fault });
      },
      onPaused: (paused) => this.#onPaused(paused),
      onIdleError: (error) => logger.warn(`Spillway: a PostgreSQL connection was lost while idle: ${error.message}`),
    });
    this.#open.add(sink);
    return sink;
  }

  /** The doctor's questions. They connect at the first of them; the doctor closes them. */
  examination(): DatabaseExamination {
    const { database, home } = this.#around;
    const { connection, hooks, shared } = database();
    return openPostgresExamination({ connection, hooks, home, shared, schema: schemaOfTables(this.#around) });
  }

  /** A server that does not answer is given up when the clock runs out. */
  async close(sink: ChangeSink, clock: StopClock = new StopClock(CLOSING_MS, monotonicScheduler)): Promise<void> {
    await clock.wait(sink.close());
    sink.cutOff();
    this.#open.delete(sink);
  }

  /**
   * Opens a sink for one question. An ORM without a policy writes no rows through Spillway. It asks what other releases
   * do, and tells them what it does, in tables that are named with their schema: its role and search path may be any.
   */
  async ask<T>(question: (sink: ChangeSink) => Promise<T>): Promise<T> {
    const { orm, types } = this.#around;
    await arrival(orm);
    const sink = this.open(types.inAnyMode.length === 0);
    try {
      return await databaseFor(LOOK_AT_TABLES, question(sink));
    } finally {
      await this.close(sink);
    }
  }

  /** Ends all work in the sinks. A sink that is opened later may lead elsewhere. */
  cutOff(): void {
    for (const sink of this.#open) sink.cutOff();
    this.#around.home?.forget();
  }
}

/** The schema of Spillway's own tables. */
export function schemaOfTables({ options, database }: Pick<RuntimeSurroundings, 'options' | 'database'>): string {
  return options.tables.schema ?? database().schema ?? 'public';
}
