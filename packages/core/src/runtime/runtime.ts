import { setTimeout as pause } from 'node:timers/promises';
import type { EntityName } from '@mikro-orm/core';
import type { Change } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import { shardOf } from '../change/shard.js';
import type { TableName } from '../change/table-name.js';
import { unlessAborted } from '../abort.js';
import { SpillwayEvents } from '../events.js';
import { hasForgotten } from '../flush/chain.js';
import { emptyShards } from '../flush/empty-shards.js';
import type { StopOptions, StopReport } from '../flush/worker.js';
import type { DrainResult } from '../flush/drain.js';
import { drainUntilWritten } from '../flush/drain-until-written.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { untilWritten } from '../flush/until-written.js';
import { within } from '../flush/within.js';
import { withOthers } from '../mikro-orm/describe/with-others.js';
import type { DrainOptions, Engine, QueryDrain, QueryWait, Releases } from '../mikro-orm/engine.js';
import type { DrainCall } from '../mikro-orm/repository/drain-call.js';
import type { RowEngine } from '../mikro-orm/repository/row-calls.js';
import type { WrittenOptions } from '../mikro-orm/repository/receipt.js';
import { EntityMarks } from '../mikro-orm/change/entity-marks.js';
import { parseDuration, type DurationLimits } from '../policy/duration.js';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import { ForcedDrains } from '../observability/forced-drains.js';
import type { SpillwayStatus } from '../observability/status.js';
import type { Health } from '../observability/health.js';
import { WriteWays, type WriteWay } from '../observability/write-ways.js';
import { LossWatch } from '../observability/loss-watch.js';
import { TroubleWatch } from '../observability/trouble-watch.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import type { CacheAccess } from '../read/cache-access.js';
import { SharedLookUps } from '../read/shared-look-ups.js';
import { databaseFor } from '../sink/database-unavailable.js';
import { waitsForItself } from '../sink/one-connection.js';
import type { Table } from '../sink/table.js';
import type { StageResult } from '../staging/stager.js';
import type {
  DeadLetterStore,
  DueScope,
  EmptyScope,
  LeaveState,
  StageCall,
  StagedMark,
  StagingStats,
} from '../staging/staging-store.js';
import { Adoption } from './adoption.js';
import { logDeadLetters } from './dead-letter-log.js';
import { Holdings } from './holdings.js';
import { LATE_MS, late } from './late.js';
import { Promotions } from './promotions.js';
import { healthOfFailure, lookAtHealth } from './look-at-health.js';
import { openCache } from './open-cache.js';
import { openThere } from './open-there.js';
import { openParts, type Parts } from './parts.js';
import { PartsLife } from './parts-life.js';
import { QueryDrains } from './query-drains.js';
import { Sinks } from './sinks.js';
import { StatementDrains } from './statement-drains.js';
import type { RuntimeSurroundings } from './surroundings.js';
import { tableOf } from './tables-of.js';
import { WorkerStart } from './worker-start.js';
import { Writes } from './writes.js';

const WAITS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/** A record whose pause has just ended is old and due for a moment; so what looks overdue is looked at again. */
const LOOK_AGAIN_MS = 100;

const NOTHING: StagingStats = {
  pending: {},
  held: 0,
  inFlight: 0,
  dead: 0,
  deadDropped: 0,
  staged: 0,
  coalesced: 0,
  annihilated: 0,
};

const OPENING = 'Spillway has to be opened, which has failed before the transaction began';

const EMPTYING = 'What is staged of tables that are cleared or dropped has to be thrown away first.';

/**
 * The engine of one ORM: opens what it needs at the first use, once, and closes it in the opposite order.
 */
export class Runtime implements RowEngine {
  readonly marks: EntityMarks = new EntityMarks();
  readonly events: SpillwayEvents = new SpillwayEvents();
  readonly #trouble: TroubleWatch = new TroubleWatch(this.events);
  readonly #losses: LossWatch;
  readonly #around: RuntimeSurroundings;
  readonly #promotions: Promotions;
  readonly #forced = new ForcedDrains();
  readonly #ways = new WriteWays();
  readonly #queryDrains: QueryDrains;
  readonly #statementDrains: StatementDrains;
  readonly #writes: Writes;
  readonly #adoption: Adoption;
  readonly #holdings: Holdings;
  readonly #sinks: Sinks;
  readonly #life: PartsLife;
  /** Why the last attempt to open has failed. */
  #failure: unknown;
  readonly #starts: WorkerStart;
  #cache: CacheAccess | undefined;

  constructor(around: RuntimeSurroundings) {
    this.#around = around;
    this.#losses = new LossWatch(this.events, around.logger);
    this.#sinks = new Sinks(around, this.events);
    this.#starts = new WorkerStart({ hasWorker: this.hasWorker, ...around, open: async () => this.start() });
    this.#life = new PartsLife(this.#sinks, async (end) => {
      const parts = await openParts(around, this.events, this.#sinks, end);
      this.#starts.opened(parts);
      return parts;
    });
    this.#adoption = new Adoption({
      around,
      sinks: this.#sinks,
      opened: () => (this.#life.isOpen || !around.context.current ? this.#life.opened : undefined),
      open: async () => {
        const parts = await this.#open();
        this.#starts.now(parts);
        return parts;
      },
    });
    this.#promotions = new Promotions(around.steps);
    this.#holdings = new Holdings(this.events, around.holdSteps);
    this.#queryDrains = new QueryDrains({
      types: around.types,
      events: this.events,
      forced: this.#forced,
      open: async () => this.#open(),
    });
    this.#statementDrains = new StatementDrains({
      types: around.types,
      events: this.events,
      promotions: this.#promotions,
      holdings: this.#holdings,
      count: (row, way) => this.#countRow(row, way),
    });
    this.#writes = new Writes({
      around,
      events: this.events,
      trouble: this.#trouble,
      starts: this.#starts,
      holdings: this.#holdings,
      statementDrains: this.#statementDrains,
      open: async () => this.#open(),
      drain: async (scope, options) => this.drain(scope, options),
      count: (row, way) => this.#countRow(row, way),
    });
    logDeadLetters(this.events, around.logger, around.options);
  }

  /** Where staging is turned off there is something to open only as long as something may be staged. */
  async start(): Promise<void> {
    if (await this.#adoption.isOver()) return;
    this.#starts.now(await this.#open());
  }

  /** As soon as it can be. @throws SpillwayError `STOPPED` */
  startLater(): void {
    this.#life.assertGoesOn();
    this.#starts.later();
  }

  async openAhead(): Promise<void> {
    if (this.#life.isOpen && (await this.#life.opened)?.entities.areAll) return;
    try {
      await this.#open();
    } catch (error) {
      this.#failure = error;
    }
  }

  async locate(): Promise<void> {
    const { orm, home } = this.#around;
    try {
      // It may make its database, which others wait for too.
      await orm.connect();
      await orm.arrived();
      await home?.ask();
    } catch {
      // What fails is said to whoever needs it.
    }
  }

  async stage(changes: readonly Change[], signal?: AbortSignal): Promise<StageResult> {
    return this.#writes.stage(changes, signal);
  }

  async hold(changes: readonly Change[], inside: CallersTransaction): Promise<StageResult> {
    return this.#writes.hold(changes, inside);
  }

  async settle(calls: readonly StageCall[]): Promise<StageResult> {
    return this.#writes.settle(calls);
  }

  async isAtHome(inside: CallersTransaction): Promise<boolean> {
    return this.#holdings.isAtHome(inside, await this.#open());
  }

  readonly pending: Engine['pending'] = {
    peek: async (keys, inside) => {
      if (await this.#adoption.isOver()) return new Map();
      const parts = await this.#open();
      const found = await this.#holdings.peek(keys, inside?.scope, parts);
      return this.#promotions.unwritten(found, inside?.scope, parts);
    },
    // What others have asked for may be waiting for the end of this transaction.
    outcomes: async (tokens, inside) => {
      if (this.#around.context.current) return (await this.#open()).sink.outcomes(tokens);
      return inside ? this.#promotions.outcomes(tokens, inside, await this.#open()) : this.#outcomes.find(tokens);
    },
    acknowledge: async (key, token, outcomes) => {
      const { staging } = await this.#open();
      await staging.acknowledge(shardOf(key, staging.shards), token, outcomes, [key]);
    },
    hasForgotten: async (key) => {
      const { staging, sink } = await this.#open();
      return hasForgotten(shardOf(key, staging.shards), staging, sink);
    },
  };

  readonly #outcomes = new SharedLookUps(async (tokens: readonly string[]) =>
    databaseFor('This read has to look into the ledger.', (await this.#open()).sink.outcomes(tokens)),
  );

  fellBack(reason: 'full' | 'down'): void {
    this.events.emit({ type: 'overflow', reason });
  }

  get cache(): CacheAccess {
    this.#cache ??= openCache(this.#around, async () => (await this.#open()).staging);
    return this.#cache;
  }

  async numbers(table: Table, count: number): Promise<readonly string[]> {
    const { sink } = await this.#open();
    return databaseFor(`The keys of new rows of ${table.name} come from its sequence.`, sink.numbers(table, count));
  }

  async releases(): Promise<Releases> {
    return this.#adoption.releases();
  }

  async disbelieve(tables: readonly TableName[]): Promise<void> {
    return this.#adoption.disbelieve(tables);
  }

  async leave(entities: readonly string[]): Promise<ReadonlyMap<string, LeaveState>> {
    return this.#adoption.leave(entities);
  }

  async rejoin(entity: EntityName | undefined): Promise<void> {
    this.#refuseInside('rejoin() is told to everybody');
    return this.#adoption.rejoin(entity && this.#around.types.namedOrRefused(entity).meta.className);
  }

  async schemasOf(tables: readonly Table[]): Promise<ReadonlyMap<Table, string>> {
    return this.#adoption.schemasOf(tables);
  }

  async empty(scope: EmptyScope): Promise<void> {
    // Asked without opening the staging store, which may not be there yet either.
    const { ensure } = this.#around.options.tables;
    if (!this.#life.opened && !(await this.#sinks.ask(async (sink) => sink.isPrepared(ensure)))) return;
    const { staging, sink } = await this.#open();
    const { records, dead } = await databaseFor(EMPTYING, emptyShards(scope, staging, sink));
    if (records + dead === 0) return;
    const tables = scope.kind === 'all' ? undefined : scope.tables.map(({ schema, table }) => `${schema}.${table}`);
    this.events.emit({ type: 'emptied', records, dead, ...(tables && { tables }) });
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await (await this.#open()).staging.forget(keys);
  }

  async drainForQuery(touched: readonly WriteBehindType[], caller: string, how?: QueryWait): Promise<QueryDrain> {
    return this.#queryDrains.before(touched, caller, how);
  }

  async drain(scope: DueScope, options: DrainOptions = {}): Promise<void> {
    const parts = await unlessAborted(options.signal, async () => this.#open());
    // Whoever says that he is in none will get the connection, and go on, when the one around him has ended.
    const inside = 'inside' in options ? options.inside : this.#around.context.current;
    return this.#statementDrains.before(scope, { ...options, inside }, parts);
  }

  /** Of one entity or of all: one round, or as many as it takes. What has to be opened for it is opened within its time. */
  async drainCall(entity: EntityName | undefined, call: DrainCall): Promise<DrainResult> {
    const { timeoutMs, signal } = call;
    const drained = unlessAborted(signal, async () => this.#drainCall(entity, call));
    return within(drained, timeoutMs + LATE_MS, monotonicScheduler, () => late('DRAIN_TIMEOUT', 'A drain', timeoutMs));
  }

  async #drainCall(entity: EntityName | undefined, { timeoutMs, until, signal }: DrainCall): Promise<DrainResult> {
    if (await this.#adoption.isOver()) return { left: 0 };
    this.#refuseInside('drain() waits until what is staged is committed');
    const scope: EmptyScope =
      entity === undefined
        ? { kind: 'all' }
        : { kind: 'tables', tables: [tableOf(this.#around.types.namedOrRefused(entity))] };
    const { worker } = await this.#open();
    const wide = withOthers(scope, this.#around.types);
    if (until === 'tried') return worker.drain(wide, { timeoutMs });
    return drainUntilWritten(
      { scope, wide, timeoutMs, signal },
      {
        staging: worker.staging,
        drain: async (some, restMs, onPutOff) => worker.drain(some, { timeoutMs: restMs, onPutOff }),
      },
    );
  }

  /** @throws DeadLetteredError; SpillwayError `WRITE_TIMEOUT`, `STAGING_LOSS`, `STOPPED` */
  async written(marks: readonly StagedMark[], { timeout = '30s' }: WrittenOptions = {}): Promise<void> {
    const timeoutMs = parseDuration('timeout of written()', timeout, WAITS);
    if (marks.length === 0) return;
    this.#refuseInside('written() waits until changes are committed');
    const written = this.#written(marks, timeoutMs);
    await within(written, timeoutMs + LATE_MS, monotonicScheduler, () => late('WRITE_TIMEOUT', 'written()', timeoutMs));
  }

  async #written(marks: readonly StagedMark[], timeoutMs: number): Promise<void> {
    const { worker, staging } = await this.#open();
    await untilWritten(marks, timeoutMs, {
      settled: (open) => staging.settled(open),
      drain: (keys, patient, restMs) => {
        const scope: DueScope = { kind: 'rows', keys };
        return worker.drain(patient ? withOthers(scope, this.#around.types) : scope, { timeoutMs: restMs });
      },
      onNews: (listener) => {
        const stops = [this.events.on('written', listener), this.events.on('dead-letter', listener)];
        return () => stops.forEach((stop) => stop());
      },
    });
  }

  async status(): Promise<SpillwayStatus> {
    const counts = (await this.#adoption.isOver()) ? NOTHING : await (await this.#open()).staging.stats();
    return { ...counts, forcedDrains: this.#forced.byCaller, writes: this.#ways.byEntity };
  }

  /** Never rejects: that the question fails is an answer. */
  async health(): Promise<Health> {
    try {
      if (await this.#adoption.isOver()) return { status: 'up', states: [], problems: [] };
      const parts = await this.#open();
      const look = async (): Promise<Health> =>
        lookAtHealth(parts, this.#around.types, this.#trouble, this.#losses.recent);
      const health = await look();
      if (!health.states.includes('overdue')) return health;
      await pause(LOOK_AGAIN_MS);
      return await look();
    } catch (error) {
      return healthOfFailure(error);
    }
  }

  async deadLetters(): Promise<DeadLetterStore> {
    return (await this.#open()).staging.deadLetters;
  }

  get isStopped(): boolean {
    return this.#life.isEnded;
  }

  /** Whether this process writes what is staged; otherwise it only stages. */
  get hasWorker(): boolean {
    return this.#around.options.worker !== undefined;
  }

  /** However long a stop is told to take: by then it is over. Milliseconds from now. */
  stopWithin(timeoutMs: number): void {
    this.#life.endWithin(timeoutMs);
  }

  /** What this process has begun is finished or left staged; then everything is closed. Never rejects. */
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
    // Whoever has read meanwhile has made one that asks where the ORM was before.
    const cache = this.#forgetCache();
    await cache?.close();
    return true;
  }

  resume(): void {
    this.#starts.resume();
  }

  /** The worker has stopped, and the rest is about to be closed. */
  #closing(): CacheAccess | undefined {
    this.#losses.say();
    this.#trouble.forget();
    this.#starts.closed();
    return this.#forgetCache();
  }

  #forgetCache(): CacheAccess | undefined {
    const cache = this.#cache;
    this.#cache = undefined;
    return cache;
  }

  async #open(): Promise<Parts> {
    const isInside = this.#around.context.current !== undefined;
    if (!this.#life.isOpen && isInside) throw waitsForItself(OPENING, this.#failure);
    const parts = this.#life.isOpen
      ? await this.#life.open()
      : await openThere(this.#around.orm, async () => this.#life.open());
    if (parts.entities.areAll) return parts;
    if (isInside) throw waitsForItself(OPENING, this.#failure);
    await parts.entities.keepUp();
    return parts;
  }

  #refuseInside(what: string): void {
    if (this.#around.context.current) throw waitsForItself(what);
  }

  count(entity: string, way: WriteWay): void {
    this.#ways.count(entity, way);
  }

  #countRow(rowKey: RowKey, way: WriteWay): void {
    const type = this.#around.types.ofRow(rowKey);
    if (type) this.#ways.count(type.meta.className, way);
  }
}
