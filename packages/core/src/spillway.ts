import type { AnyEntity, EntityData, EntityManager, EntityName, MikroORM } from '@mikro-orm/core';
import type { Observable } from 'rxjs';
import type { MarkedOrm } from './cache/cache.js';
import { SpillwayError } from './errors.js';
import type { SpillwayEvent, SpillwayEventName, SpillwayListener } from './events.js';
import type { FlushSteps } from './flush/flush-shards.js';
import { parseDuration, type Duration, type DurationLimits } from './policy/duration.js';
import type { PolicyTarget } from './policy/entity-types.js';
import { CallersContext } from './mikro-orm/transactions/caller.js';
import { assertFits, install } from './mikro-orm/hooks/install.js';
import { hasOneConnection } from './mikro-orm/contract/assert-orm.js';
import { OrmDatabase } from './mikro-orm/hooks/orm-database.js';
import { OrmMoves } from './mikro-orm/hooks/orm-moves.js';
import { TransactionScopes } from './mikro-orm/transactions/transaction-scope.js';
import { TypeRegistry } from './mikro-orm/describe/type-registry.js';
import type { Finding } from './doctor/finding.js';
import type { Health } from './observability/health.js';
import type { TelemetrySource } from './observability/channels.js';
import type { HoldSteps } from './runtime/surroundings.js';
import type { SpillwayTables } from './runtime/own-tables.js';
import type { ReshardReport } from './runtime/resharding.js';
import type { RowLife } from './runtime/row-life.js';
import { policiesOf } from './runtime/policies-of.js';
import { Runtime } from './runtime/runtime.js';
import { ServiceLog } from './runtime/service-log.js';
import { serviceLetters, type SpillwayDeadLetters } from './runtime/service-letters.js';
import { assertStartMode, type StartMode } from './runtime/worker-start.js';
import { EXTENSION } from './mikro-orm/extension-name.js';
import { type DrainCallOptions, isEntityName, readDrainCall } from './mikro-orm/repository/drain-call.js';
import { type CallersRows, repositoryCaller, serviceCaller } from './mikro-orm/repository/row-caller.js';
import type { PendingRow } from './mikro-orm/repository/pending-row.js';
import type { IncrementReceipt, Receipt, WrittenOptions } from './mikro-orm/repository/receipt.js';
import { SqlRowCalls } from './mikro-orm/repository/sql-row-calls.js';
import { RowCalls } from './mikro-orm/repository/row-calls.js';
import type { KeyOf, RowService } from './mikro-orm/repository/with-spillway.js';
import type { Increments, IncrementRow, IncrementOptions } from './mikro-orm/write/prepare-increment.js';
import type { PatchOptions } from './mikro-orm/write/build-patch.js';
import { Home } from './sink/postgres/home.js';
import { resolveNewMap, resolveOptions } from './resolve-options.js';
import type { Logger, ResolvedOptions, SpillwayOptions } from './options.js';
import type { Table } from './sink/table.js';
import type { ShardDepth } from './staging/shard-depth.js';
import type { SpillwayStatus } from './observability/status.js';

const TIMEOUTS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/** An entry of MikroORM's `extensions`. */
export interface SpillwayExtension {
  register(orm: MikroORM): void;
}

/**
 * Makes the entities that carry `@WriteBehind` written behind. It opens and starts nothing: Spillway first connects to
 * Redis and PostgreSQL when something is staged or read, or by `Spillway.of(orm).start()`.
 * @throws SpillwayError `CONFIG_INVALID` that names the option.
 * @example
 * ```ts
 * defineConfig({ extensions: [spillway({ redis: 'redis://localhost:6379' })] });
 * ```
 */
export function spillway<const Targets extends readonly PolicyTarget[]>(
  options: SpillwayOptions<Targets>,
): SpillwayExtension {
  return extensionOf(resolveOptions(options));
}

/**
 * The extension by options that are decided.
 * @param steps called after each step of a flush, for tests that let a worker die there
 * @param holdSteps the same for transactions that hold changes
 * @internal
 */
export function extensionOf(resolved: ResolvedOptions, steps?: FlushSteps, holdSteps?: HoldSteps): SpillwayExtension {
  return {
    register(orm) {
      assertFits(orm);
      refuseSecond(orm);
      const types = new TypeRegistry();
      const logger = new ServiceLog(resolved.logger, orm);
      const context = new CallersContext();
      const scopes = new TransactionScopes();
      const database = new OrmDatabase(orm, context, logger, types);
      const moves = new OrmMoves(orm);
      const home = hasOneConnection(orm)
        ? undefined
        : new Home(
            (act) => database.lend(act),
            () => database.hint(),
          );
      const runtime = new Runtime({
        options: resolved,
        types,
        logger,
        database: () => database.access(),
        orm: {
          connectsFirst: () => database.connectsFirst,
          connect: async () => database.connect(),
          arrived: async () => moves.over(),
        },
        marked: { scopes, driver: orm.driver as unknown as MarkedOrm['driver'] },
        home,
        context,
        ...(steps && { steps }),
        ...(holdSteps && { holdSteps }),
      });
      const numbers = install(orm, {
        types,
        engine: runtime,
        context,
        scopes,
        moves,
        policiesOf: (entities) => policiesOf(entities, resolved),
        restarted: ({ table }) => logger.warn(restartedText(table)),
      });
      const platform = orm.driver.getPlatform();
      const sql = new SqlRowCalls(platform);
      const rows = new RowCalls(types, runtime, platform, { sql, isOff: !resolved.enabled });
      orm.config.registerExtension(
        EXTENSION,
        () => new Spillway({ runtime, rows, log: logger, em: () => orm.em, numbers }),
      );
    },
  };
}

/** Both would hook into the same methods, and each would take the other one's SQL for MikroORM's. */
function refuseSecond(orm: MikroORM): void {
  if (!orm.config.getExtension(EXTENSION)) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    'spillway() stands twice in the extensions of one ORM. Keep one of them: its policies can name every entity of the ORM',
  );
}

function restartedText({ entity, schema, name, key }: Table): string {
  return (
    `Spillway: the sequence of ${schema}.${name}.${key[0]?.name ?? ''} (${entity}) has begun anew since this process took ` +
    'numbers from it, so rows that were made since then may have numbers that others get too. Call ' +
    'Spillway.of(orm).forgetNumbers() in every process after a sequence is restarted, or a table is made anew'
  );
}

interface ServiceParts {
  readonly runtime: Runtime;
  readonly rows: RowCalls;
  readonly log: ServiceLog;
  readonly em: () => EntityManager;
  readonly numbers: { forget(): void };
}

/** The service beside an ORM: starting and stopping, waiting for writes, counting, dead letters and events. */
export class Spillway implements AsyncDisposable, RowService {
  readonly #runtime: Runtime;
  readonly #rows: RowCalls;
  readonly #log: ServiceLog;
  readonly #em: () => EntityManager;
  readonly #numbers: { forget(): void };

  /** @internal */
  constructor({ runtime, rows, log, em, numbers }: ServiceParts) {
    this.#numbers = numbers;
    this.#runtime = runtime;
    this.#rows = rows;
    this.#log = log;
    this.#em = em;
    this.tables = runtime.ownTables;
    this.deadLetters = serviceLetters(async () => runtime.insight.deadLetters(), rows, runtime.rows);
  }

  /** The service of an ORM that was made with the extension. @throws SpillwayError `CONFIG_INVALID` if it was not. */
  static of(orm: Pick<MikroORM, 'config'>): Spillway {
    const service = orm.config.getExtension<Spillway>(EXTENSION);
    if (service) return service;
    throw new SpillwayError(
      'CONFIG_INVALID',
      'This ORM has no Spillway. Add spillway({ redis: … }) to the extensions of its configuration',
    );
  }

  /** What telemetry is told of this engine: each message on Spillway's diagnostics channels names it as its source. */
  get telemetrySource(): TelemetrySource {
    return this.#runtime.telemetry.source;
  }

  /**
   * Opens and checks everything now instead of at the first use, and starts the worker, if this process has one.
   * @param options `mode`: `'eager'` (default) rejects if a step fails. `'lazy'` resolves at once, and tries again
   * every second until it succeeds or is stopped: for a process that may start before Redis and PostgreSQL. Until then
   * `health()` is down. Each new reason is a warning.
   * @throws SpillwayError `STOPPED`; with `'eager'` also the errors of a first use: `STAGING_UNAVAILABLE`,
   * `DATABASE_UNAVAILABLE`, `CONFIG_INVALID` and others
   */
  async start({ mode = 'eager' }: { readonly mode?: StartMode } = {}): Promise<void> {
    assertStartMode(mode);
    await (mode === 'eager' ? this.#runtime.life.start() : this.#runtime.life.startLater());
  }

  /** True after `stop()` or `orm.close()`, until `orm.connect()` opens it again. */
  get isStopped(): boolean {
    return this.#runtime.life.isStopped;
  }

  /**
   * Sends warnings and errors to this logger from now on, unless the option `logger` names another one: for frameworks
   * with a log of their own.
   */
  logTo(logger: Logger): void {
    this.#log.logTo(logger);
  }

  /** True if this process writes staged changes (`worker`); otherwise another process must. */
  get hasWorker(): boolean {
    return this.#runtime.life.hasWorker;
  }

  /**
   * Limits `stop()` and `orm.close()` together to this time, whatever their own options say: for a process that has
   * been asked to end and knows when it will be killed. Changes that are not written by then stay staged. A later call
   * can only shorten the time, also while the service is stopping.
   */
  stopWithin(timeout: Duration): void {
    this.#runtime.life.stopWithin(parseDuration('timeout of stopWithin()', timeout, TIMEOUTS));
  }

  /**
   * Stops the worker and closes everything that Spillway opened; `orm.close()` does it too. Unwritten changes stay
   * staged for the next worker. `orm.connect()` lets Spillway be opened again. Never rejects, and takes at most half a
   * second more than its time: work that has not ended by then is cut off. A call during another one answers the same
   * report, and the shorter time counts.
   * @param options `drain`: write everything first, by default where this process has a worker. `timeout`: for all of
   * it, `'30s'` by default.
   * @returns how many shards still hold changes; `undefined` if the staging store could not say
   */
  async stop(
    options: { readonly drain?: boolean; readonly timeout?: Duration } = {},
  ): Promise<{ readonly left: number | undefined }> {
    const { drain, timeout = '30s' } = options;
    return this.#runtime.life.stop({
      ...(drain !== undefined && { drain }),
      timeoutMs: parseDuration('timeout of stop()', timeout, TIMEOUTS),
    });
  }

  /**
   * Writes the changes that any process has staged before the call: of one entity, or of all. Each record is tried
   * once. Records that have to wait, such as those of rows that another transaction has locked, are left; `until:
   * 'written'` waits for them.
   *
   * @example
   * ```ts
   * const { left } = await service.drain(Product); // 0, or some of its changes are not in PostgreSQL yet
   * await service.drain({ until: 'written', timeout: '5m', signal }); // all are in PostgreSQL, or dead letters
   * ```
   * @returns how many shards hold records that were tried and have to wait
   * @throws SpillwayError `DRAIN_TIMEOUT`; the reason of `signal`
   */
  async drain(options?: DrainCallOptions): Promise<{ readonly left: number }>;
  async drain(entity: EntityName | undefined, options?: DrainCallOptions): Promise<{ readonly left: number }>;
  async drain(given?: EntityName | DrainCallOptions, options?: DrainCallOptions): Promise<{ readonly left: number }> {
    if (given === undefined || isEntityName(given)) return this.#runtime.waits.drainCall(given, readDrainCall(options));
    return this.#runtime.waits.drainCall(undefined, readDrainCall(given));
  }

  /**
   * Adds to counters of a row that need not be loaded; exact, and never a conflict. For a missing row, `missing` of the
   * call or of the policy decides: a dead letter `ROW_MISSING`, nothing, or the row is created.
   * @throws SpillwayError `CONFIG_INVALID` for a property that is no counter, a malformed key, or data that makes no
   * row; `COUNTER_OVERFLOW`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's `OptimisticLockError` for a deleted row that
   * is not to be created
   */
  async increment<Entity extends object>(
    entity: EntityName<Entity>,
    key: KeyOf<Entity>,
    increments: Increments<Entity>,
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>> {
    return this.#own.increment(entity, key, increments, options) as Promise<never>;
  }

  /**
   * The same for many rows in one call. Errors of single rows are thrown before anything is staged. Rows of different
   * shards are still staged one by one.
   * @throws as `increment`; `STAGING_PARTIAL` if some of the rows are staged, and others are not
   */
  async incrementMany<Entity extends object>(
    entity: EntityName<Entity>,
    rows: readonly IncrementRow<Entity, KeyOf<Entity>>[],
    options?: IncrementOptions<Entity>,
  ): Promise<IncrementReceipt<Entity>> {
    const given = rows as readonly IncrementRow[];
    return this.#own.incrementMany(entity, given, options) as Promise<never>;
  }

  /**
   * Sets properties of a row that need not be loaded; counters are assigned, not added to. Without `version` the last
   * write wins; the row's version is raised either way. A missing row makes the change a dead letter `ROW_MISSING`.
   * @throws SpillwayError `CONFIG_INVALID`, `VALIDATION_FAILED`, `STAGING_FULL`, `STAGING_TIMEOUT`; MikroORM's
   * `OptimisticLockError` for another version or a deleted row
   */
  async patch<Entity extends object>(
    entity: EntityName<Entity>,
    key: KeyOf<Entity>,
    changes: EntityData<Entity>,
    options?: PatchOptions,
  ): Promise<Receipt<Entity>> {
    return this.#own.patch(entity, key, changes, options) as Promise<Receipt<Entity>>;
  }

  /** The staged changes of a row that are not yet in the database; `undefined` if there are none. */
  async pending<Entity extends object>(
    entity: EntityName<Entity>,
    key: KeyOf<Entity>,
  ): Promise<PendingRow<Entity> | undefined> {
    return this.#own.pending(entity, key) as Promise<PendingRow<Entity> | undefined>;
  }

  /**
   * Resolves when the last flushed change of each entity, or a later one of its row, has been committed by any process;
   * also if nothing of it is left to write. The rows are made due at once, and this process flushes them too, even with
   * `worker: false`. For an entity that this process has not flushed, the call waits for the pending changes of its
   * row.
   * @throws SpillwayError `DEAD_LETTERED` (a `DeadLetteredError`, with the reason), `WRITE_TIMEOUT`, `STAGING_LOSS`
   */
  async written(entities: AnyEntity | readonly AnyEntity[], options?: WrittenOptions): Promise<void> {
    await this.#rows.written(entities, options);
  }

  /** @internal */
  rowsOf(em: EntityManager): CallersRows {
    return this.#rows.of(repositoryCaller(em));
  }

  get #own(): CallersRows {
    return this.#rows.of(serviceCaller(this.#em()));
  }

  /** @internal */
  receipt(entities: readonly AnyEntity[], keys?: Receipt['keys']): Receipt {
    return this.#rows.receipt(entities, keys);
  }

  /**
   * Lets an entity (or all) be staged again after processes have left it: those with `enabled: false`, `@WriteThrough`
   * or no policy for it found nothing pending, and no longer look. Call it once, when no such process runs any more. It
   * also lets an entity be cached again that a release without a cache has written.
   */
  async rejoin(entity?: EntityName): Promise<void> {
    await this.#runtime.leaving.rejoin(entity);
  }

  /**
   * Moves the shards of the namespace to other Redis servers, or makes them more or fewer. Nothing is lost. Run it in a
   * process of its own that has the options of the others, whose service it stops. First it writes what is pending.
   * Then it closes the old map, so all processes that have it are refused (`SHARD_MAP_MISMATCH`), writes the rest, and
   * opens the new map. Start the processes with the new options then. A move that cannot write everything in time opens
   * the old map again; one that was interrupted has to be run again.
   *
   * @param map `redis`: as in the options of `spillway()`. `shards`: `1` to `4096`. What is left out stays as it is
   * @param options `timeout`: for writing what is pending, `'5m'` by default
   * @example
   * ```ts
   * await Spillway.of(orm).reshard({ redis: { nodes: ['redis://one', 'redis://two'] }, shards: 64 });
   * await Spillway.of(orm).reshard({ redis: { cluster: ['redis://one', 'redis://two'] } });
   * ```
   * @throws SpillwayError `DRAIN_TIMEOUT`; `SHARD_MAP_MISMATCH`: another move has begun, or another map is in use
   * there; `CONFIG_INVALID`, `STAGING_UNAVAILABLE`, `DATABASE_UNAVAILABLE`, `REDIS_VOLATILE`
   */
  async reshard(
    map: Pick<SpillwayOptions, 'redis' | 'shards'>,
    { timeout = '5m' }: { readonly timeout?: Duration } = {},
  ): Promise<ReshardReport> {
    const timeoutMs = parseDuration('timeout of reshard()', timeout, TIMEOUTS);
    return this.#runtime.resharding.move(resolveNewMap(map), timeoutMs);
  }

  /**
   * Stops the writing of an entity, or of all, in every process, until `resume()`: for a migration, or while its table
   * must rest. Changes are staged and seen by look-ups as before. Other entities are written as before, but rows that
   * refer to a new row of a paused entity wait for it. The database keeps the pause, so it outlives all processes.
   * Resolves when no flush writes the entity any more; a transaction that needs its rows still writes them.
   *
   * A query that needs the pending changes of a paused entity in the database fails at once (`DRAIN_TIMEOUT`), or goes
   * on as `onDrainTimeout: 'overlay'` says. `written()` rejects at once (`WRITE_TIMEOUT`). `drain()` leaves what is
   * paused. A pause of an entity is one of its table: other classes of the same table are paused with it.
   *
   * @param entity absent: all entities, those of other releases too. It is a pause of its own: `resume()` without an
   * entity ends it, and leaves entities paused that were paused by name
   * @example
   * ```ts
   * await Spillway.of(orm).pause(Product);
   * // … change the table …
   * await Spillway.of(orm).resume(Product);
   * ```
   * @throws SpillwayError `CONFIG_INVALID` for an entity without a policy; the errors of a first use
   */
  async pause(entity?: EntityName): Promise<void> {
    await this.#runtime.pausing.pause(entity);
  }

  /**
   * Ends a pause, in every process. What has waited is due at once. Does nothing where nothing is paused.
   * @param entity as it was given to `pause()`
   * @throws as `pause()`
   */
  async resume(entity?: EntityName): Promise<void> {
    await this.#runtime.pausing.resume(entity);
  }

  /**
   * Drops the numbers for new rows that this process has taken from sequences and not given to a row yet. Call it in
   * every process after you have restarted a sequence, or recreated a table, past MikroORM's schema generator, and
   * before new rows are made: the sequence is going to give the same numbers to other processes. It sends no query.
   */
  forgetNumbers(): void {
    this.#numbers.forget();
  }

  /**
   * Counts of pending, in-flight and dead records, of coalesced changes, and of reads that had to wait; without a scan.
   */
  async status(): Promise<SpillwayStatus> {
    return this.#runtime.insight.status();
  }

  /** How much waits in each shard, on which server, and since when. Asks each shard, so ask it seldom. */
  async depths(): Promise<readonly ShardDepth[]> {
    return this.#runtime.rows.depths();
  }

  /**
   * All that Spillway knows of a row now: what is held, pending, in flight, remembered and dead of it, and the row as
   * the database has it. For operators: values are the JSON texts that travel.
   *
   * @example
   * ```ts
   * const { dirty, letters, row } = await service.life(Product, 7);
   * ```
   * @throws SpillwayError `CONFIG_INVALID` for an entity that is not written behind, or a malformed key
   */
  async life(entity: EntityName, key: unknown): Promise<RowLife> {
    return this.#runtime.rows.life(this.#rows.rowKey(entity, key));
  }

  /** Names of the entities whose changes may be staged. */
  get entities(): readonly string[] {
    return this.#rows.entities;
  }

  /**
   * Tells whether changes reach the database. `down` when PostgreSQL or Redis cannot be reached, when a table cannot be
   * written, and when due changes have not been written for thirty seconds by any process. Opens and checks everything
   * if nothing is open yet. Never rejects.
   */
  async health(): Promise<Health> {
    return this.#runtime.insight.health();
  }

  /**
   * Examines everything that Spillway stands on: both servers with their settings and rights, the tables, the map of
   * shards, the policies, what is pending and whether it is written. It takes some seconds, starts nothing and changes
   * nothing. Rejects for nothing that it looks for: a Redis that is away is a finding.
   */
  async diagnose(): Promise<readonly Finding[]> {
    return this.#runtime.doctor.examine();
  }

  /** Spillway's own tables: their SQL for a migration, or made at once. */
  readonly tables: SpillwayTables;

  /** Records that could not be written: list them, try them again, or discard them. */
  readonly deadLetters: SpillwayDeadLetters;

  /** The events of this process, as they happen. A subscriber that fails is a warning of the process. */
  get events$(): Observable<SpillwayEvent> {
    return this.#runtime.events.events$;
  }

  /**
   * Calls the listener at each such event of this process. A listener may answer a promise; Spillway does not wait for
   * it. A listener that throws, or whose promise rejects, is a warning of the process, and stops nothing.
   * @returns a function that removes the listener
   */
  on<Name extends SpillwayEventName>(name: Name, listener: SpillwayListener<Name>): () => void {
    return this.#runtime.events.on(name, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
