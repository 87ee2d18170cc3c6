import { Cache, cachedHere } from '../cache/cache.js';
import type { SpillwayEvents } from '../events.js';
import type { StopOptions, StopReport } from '../flush/worker.js';
import type { EngineLife } from '../mikro-orm/engine.js';
import type { ChangeSink } from '../sink/change-sink.js';
import { databaseFor } from '../sink/database-unavailable.js';
import { waitsForItself } from '../sink/one-connection.js';
import { openThere } from './open-there.js';
import { openParts, type Parts } from './parts.js';
import { PartsLife } from './parts-life.js';
import { schemaOfTables, type Sinks } from './sinks.js';
import type { RuntimeSurroundings } from './surroundings.js';
import { WorkerStart } from './worker-start.js';
import type { CacheDoubts } from '../sink/cache-doubts.js';
import { openPostgresDoubts } from '../sink/postgres/cache/open-postgres-doubts.js';

export const LOOK_AT_ENTITIES = 'Which entities are staged stands in its tables.';
const OPENING = 'Spillway has to be opened, which has failed before the transaction began';

interface LifecycleDeps {
  readonly around: RuntimeSurroundings;
  readonly events: SpillwayEvents;
  readonly sinks: Sinks;
  /** True if this process has nothing to do with staging any more, so there is nothing to open. */
  readonly isOver: () => Promise<boolean>;
  /** Called when the worker has stopped and the rest is about to be closed. */
  readonly closing: () => void;
}

/**
 * The open parts of one engine: opened once, at the first use. `PartsLife` closes the worker first, then the cache, the
 * sink and the staging store side by side.
 */
export class Lifecycle implements EngineLife {
  readonly #deps: LifecycleDeps;
  readonly #life: PartsLife;
  readonly #starts: WorkerStart;
  /** Why the last attempt to open has failed. */
  #failure: unknown;
  readonly #cache: Cache;

  constructor(deps: LifecycleDeps) {
    const { around, events, sinks } = deps;
    this.#deps = deps;
    this.#starts = new WorkerStart({ ...around, open: async () => this.start() });
    this.#cache = new Cache({
      types: around.types,
      orm: around.marked,
      open: async () => (await this.open()).staging,
      openDoubts: () => openDoubts(around),
    });
    this.#life = new PartsLife(sinks, async (end) => {
      const parts = await openParts(around, events, sinks, end);
      around.telemetry.opened();
      if (this.hasWorker) this.#starts.opened(parts);
      return parts;
    });
  }

  /** True if this process writes staged changes; otherwise it only stages. */
  get hasWorker(): boolean {
    return this.#deps.around.options.worker !== undefined;
  }

  get isStopped(): boolean {
    return this.#life.isEnded;
  }

  /** `undefined` where no entity is cached. */
  get cache(): Cache | undefined {
    return this.#deps.around.types.hasCache ? this.#cache : undefined;
  }

  /** With staging turned off, parts are opened only while entities may still be staged. */
  async start(): Promise<void> {
    if (!(await this.#deps.isOver())) await this.openAndWork();
  }

  /** As soon as it can be. @throws SpillwayError `STOPPED` */
  startLater(): void {
    this.#life.assertGoesOn();
    this.#starts.later();
  }

  /** The open parts, with all entities that the ORM knows by now. Opens them if needed. */
  async open(): Promise<Parts> {
    const { orm, context } = this.#deps.around;
    const isInside = context.current !== undefined;
    if (!this.#life.isOpen && isInside) throw waitsForItself(OPENING, this.#failure);
    const parts = this.#life.isOpen ? await this.#life.open() : await openThere(orm, async () => this.#life.open());
    if (parts.entities.areAll) return parts;
    if (isInside) throw waitsForItself(OPENING, this.#failure);
    await parts.entities.keepUp();
    return parts;
  }

  /** Where this process has a worker, it runs from now on. */
  startWorker(parts: Parts): void {
    if (this.hasWorker) this.#starts.now(parts);
  }

  /** True if a worker runs in this process. */
  get isWorking(): boolean {
    return this.hasWorker && this.#starts.isStarted;
  }

  /** The same, and the worker starts where this process has one. */
  async openAndWork(): Promise<Parts> {
    const parts = await this.open();
    this.startWorker(parts);
    return parts;
  }

  /** The parts that are open, or about to be. Inside a transaction: only parts that are open. */
  get opened(): Promise<Parts> | undefined {
    return this.#life.isOpen || !this.#deps.around.context.current ? this.#life.opened : undefined;
  }

  /**
   * Asks the database, which need not be opened for that.
   * @param ifNever the answer for one that is not prepared: nothing of it is staged. Opening everything prepares it
   */
  async askPrepared<T>(ask: (sink: ChangeSink) => Promise<T>, ifNever: T): Promise<T> {
    const { around, sinks } = this.#deps;
    const parts = await this.opened;
    if (parts) return databaseFor(LOOK_AT_ENTITIES, ask(parts.sink));
    return sinks.ask(async (sink) => ((await sink.isPrepared(around.options.tables.ensure)) ? ask(sink) : ifNever));
  }

  /** True if parts are open, or about to be. */
  get isOpening(): boolean {
    return this.#life.opened !== undefined;
  }

  async openAhead(): Promise<void> {
    if (this.#life.isOpen && (await this.#life.opened)?.entities.areAll) return;
    try {
      await this.open();
    } catch (error) {
      this.#failure = error;
    }
  }

  async locate(): Promise<void> {
    const { orm, home } = this.#deps.around;
    try {
      // The ORM may make its database here, which other callers wait for too.
      await orm.connect();
      await orm.arrived();
      await home?.ask();
    } catch {
      // The next caller that needs the database gets the error.
    }
  }

  /** Any stop is over by then, whatever time it was given. Milliseconds from now. */
  stopWithin(timeoutMs: number): void {
    this.#life.endWithin(timeoutMs);
  }

  /** Finishes this process's work, or leaves it staged, then closes everything. Never rejects. */
  async stop({ drain = this.hasWorker, ...options }: StopOptions = {}): Promise<StopReport> {
    this.#starts.giveUp();
    return this.#life.end({ ...options, drain }, () => this.#closing());
  }

  async suspend(): Promise<void> {
    await this.#life.suspend({ drain: this.hasWorker }, () => this.#closing());
  }

  async close(): Promise<void> {
    await this.stop();
  }

  async reopen(): Promise<boolean> {
    if (!(await this.#life.reopen())) return false;
    // A read meanwhile may have made a cache for the database where the ORM was before.
    await this.#cache.forget()?.close();
    return true;
  }

  resume(): void {
    this.#starts.resume();
  }

  /**
   * For calls that wait until changes are committed.
   * @throws SpillwayError `ONE_CONNECTION` in a transaction that has the only connection: it would wait for itself
   */
  refuseInside(what: string): void {
    if (this.#deps.around.context.current) throw waitsForItself(what);
  }

  #closing(): ReturnType<Cache['forget']> {
    this.#deps.closing();
    this.#starts.closed();
    return this.#cache.forget();
  }
}

/** What the cache asks of PostgreSQL. It connects at its first use. */
function openDoubts({ options, types, database, home, logger }: RuntimeSurroundings): CacheDoubts {
  const { connection, hooks, shared } = database();
  return openPostgresDoubts({
    connection,
    hooks,
    home,
    shared,
    schema: schemaOfTables({ options, database }),
    namespace: options.namespace,
    copied: () => cachedHere(types.inAnyMode).map(({ table }) => table),
    onIdleError: (error) => logger.warn(`Spillway: a PostgreSQL connection was lost while idle: ${error.message}`),
  });
}
