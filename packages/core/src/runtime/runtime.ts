import { setTimeout as pause } from 'node:timers/promises';
import type { EntityName } from '@mikro-orm/core';
import type { Change } from '../change/change.js';
import { parseRowKey, type RowKey } from '../change/row-key.js';
import { shardOf } from '../change/shard.js';
import { isDrainTimeout, SpillwayError } from '../errors.js';
import { SpillwayEvents } from '../events.js';
import { hasForgotten } from '../flush/chain.js';
import { emptyShards } from '../flush/empty-shards.js';
import type { StopOptions, StopReport } from '../flush/worker.js';
import type { DrainResult } from '../flush/drain.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { untilWritten } from '../flush/until-written.js';
import { within } from '../flush/within.js';
import { typesOf, withParents } from '../mikro-orm/describe/with-parents.js';
import type { DrainOptions, Engine, QueryDrain, Releases } from '../mikro-orm/engine.js';
import type { RowEngine } from '../mikro-orm/repository/row-calls.js';
import type { WrittenOptions } from '../mikro-orm/repository/receipt.js';
import { EntityMarks } from '../mikro-orm/write/entity-marks.js';
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
import type { TableName } from '../sink/change-sink.js';
import type { Table } from '../sink/table.js';
import type { RulesByEntity, StageResult } from '../staging/stager.js';
import { nothingStaged } from '../staging/staging-errors.js';
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
import { Promotions } from './promotions.js';
import { healthOfFailure, lookAtHealth } from './look-at-health.js';
import { openCache } from './open-cache.js';
import { openParts, type Parts } from './parts.js';
import { PartsLife } from './parts-life.js';
import { QueryDrains } from './query-drains.js';
import { Sinks } from './sinks.js';
import { StatementDrains } from './statement-drains.js';
import { stageStepByStep, withoutSteps, writeFirst } from './step-by-step.js';
import type { RuntimeSurroundings } from './surroundings.js';

const WAITS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/** A record whose pause has just ended is old and due for a moment; so what looks overdue is looked at again. */
const LOOK_AGAIN_MS = 100;

/** How often what is pending under another policy is written before a flush is refused: whoever stages it may be faster. */
const POLICY_TRIES = 5;

const NOTHING: StagingStats = { pending: {}, held: 0, inFlight: 0, dead: 0, staged: 0, coalesced: 0, annihilated: 0 };

/** A wait whose time is up says what it has waited for. One that gets no answer at all cannot, and is given up then. */
const LATE_MS = 50;

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
  readonly #adoption: Adoption;
  readonly #holdings: Holdings;
  readonly #sinks: Sinks;
  readonly #life: PartsLife;
  /** Why the last attempt to open has failed. */
  #failure: unknown;
  #cache: CacheAccess | undefined;
  #isStarted = false;

  constructor(around: RuntimeSurroundings) {
    this.#around = around;
    this.#losses = new LossWatch(this.events, around.logger);
    this.#sinks = new Sinks(around, this.events);
    this.#life = new PartsLife(this.#sinks, async (end) => openParts(around, this.events, this.#sinks, end));
    this.#adoption = new Adoption({
      around,
      sinks: this.#sinks,
      opened: () => (this.#life.isOpen || !around.context.current ? this.#life.opened : undefined),
      open: async () => {
        const parts = await this.#open();
        this.#startWorker(parts);
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
    logDeadLetters(this.events, around.logger);
  }

  /** Where staging is turned off there is something to open only as long as something may be staged. */
  async start(): Promise<void> {
    if (await this.#adoption.isOver()) return;
    this.#startWorker(await this.#open());
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
    // What fails is said to whoever needs it.
    await this.#around.home?.ask().catch(() => undefined);
  }

  async stage(changes: readonly Change[]): Promise<StageResult> {
    const parts = await this.#open();
    this.#startWorker(parts);
    try {
      const result = await stageStepByStep(changes, parts.rules, {
        stage: async (some, rules) => this.#stageUnderPolicy(some, rules, parts),
        write: async (keys) => this.#writeFirst(keys, parts),
      });
      return this.#announce(result, parts);
    } catch (error) {
      throw nothingStaged(error, 'the changes were prepared');
    }
  }

  /** Where it is known that the database is away, or has no connection but the caller's, nothing is waited for. */
  async #writeFirst(keys: readonly RowKey[], { worker, staging }: Parts): Promise<void> {
    if (this.#trouble.isDatabaseDown || this.#around.context.current) return;
    const scope = { kind: 'rows', keys } as const;
    const types = typesOf(scope, this.#around.types);
    const timeoutMs = Math.max(0, ...types.map(({ policy }) => policy.drainTimeoutMs));
    await writeFirst(
      { scope, wide: withParents(scope, this.#around.types), timeoutMs },
      { drain: (some, ms) => worker.drain(some, { timeoutMs: ms }), peek: (rows) => staging.peek(rows) },
    );
  }

  /** What is pending under another policy is written first; then the new one takes its place. */
  async #stageUnderPolicy(changes: readonly Change[], rules: RulesByEntity, { stager }: Parts): Promise<StageResult> {
    for (let tries = 1; ; tries += 1) {
      const result = await stager.stageAll(changes, rules);
      const others = result.refused.filter(({ reason }) => reason === 'policy').map(({ rowKey }) => rowKey);
      if (others.length === 0 || result.staged.size > 0 || tries === POLICY_TRIES) return result;
      try {
        await this.drain({ kind: 'tables', tables: tablesOf(others) });
      } catch (error) {
        if (isDrainTimeout(error)) return result;
        throw error;
      }
    }
  }

  async hold(changes: readonly Change[], inside: CallersTransaction): Promise<StageResult> {
    const parts = await this.#open();
    this.#startWorker(parts);
    const result = await this.#holdStepByStep(changes, inside, parts).catch((error: unknown) => {
      throw nothingStaged(error, 'the changes were prepared');
    });
    for (const rowKey of result.staged.keys()) this.#countRow(rowKey, 'staged');
    return result;
  }

  async isAtHome(inside: CallersTransaction): Promise<boolean> {
    return this.#holdings.isAtHome(inside, await this.#open());
  }

  /** A transaction that has changed such a value before writes that first, itself; then what it holds lies on it. */
  async #holdStepByStep(changes: readonly Change[], inside: CallersTransaction, parts: Parts): Promise<StageResult> {
    const result = await this.#holdings.hold(changes, inside, parts);
    const keys = result.refused.filter(({ reason }) => reason === 'step').map(({ rowKey }) => rowKey);
    if (keys.length === 0) return result;
    try {
      await this.#statementDrains.before({ kind: 'rows', keys }, { inside, beforeWrite: true }, parts);
    } catch (error) {
      if (!isDrainTimeout(error)) throw error;
    }
    return this.#holdings.hold(changes, inside, { ...parts, rules: withoutSteps(parts.rules) });
  }

  async settle(calls: readonly StageCall[]): Promise<StageResult> {
    const parts = await this.#open();
    return this.#announce(await parts.stager.settle(calls), parts);
  }

  readonly pending: Engine['pending'] = {
    peek: async (keys, inside) => {
      if (await this.#adoption.isOver()) return new Map();
      const parts = await this.#open();
      const found = await this.#holdings.peek(keys, inside?.scope, parts);
      return this.#promotions.unwritten(found, inside?.scope, parts);
    },
    // What others have asked for may be waiting for the end of this transaction.
    outcomes: async (tokens) =>
      this.#around.context.current ? (await this.#open()).sink.outcomes(tokens) : this.#outcomes.find(tokens),
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
    if (!this.#life.opened && !(await this.#sinks.ask(async (sink) => sink.isPrepared()))) return;
    const { staging, sink } = await this.#open();
    const { records, dead } = await databaseFor(EMPTYING, emptyShards(scope, staging, sink));
    if (records + dead === 0) return;
    const tables = scope.kind === 'all' ? undefined : scope.tables.map(({ schema, table }) => `${schema}.${table}`);
    this.events.emit({ type: 'emptied', records, dead, ...(tables && { tables }) });
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await (await this.#open()).staging.forget(keys);
  }

  async drainForQuery(touched: readonly WriteBehindType[], caller: string): Promise<QueryDrain> {
    return this.#queryDrains.before(touched, caller);
  }

  async drain(scope: DueScope, options: DrainOptions = {}): Promise<void> {
    const parts = await this.#open();
    // Whoever says that he is in none will get the connection, and go on, when the one around him has ended.
    const inside = 'inside' in options ? options.inside : this.#around.context.current;
    return this.#statementDrains.before(scope, { ...options, inside }, parts);
  }

  /** One round, of one entity or of all. What has to be opened for it is opened within its time. */
  async drainOnce(entity: EntityName | undefined, timeoutMs: number): Promise<DrainResult> {
    const drained = this.#drainOnce(entity, timeoutMs);
    return within(drained, timeoutMs + LATE_MS, monotonicScheduler, () => late('DRAIN_TIMEOUT', 'A drain', timeoutMs));
  }

  async #drainOnce(entity: EntityName | undefined, timeoutMs: number): Promise<DrainResult> {
    if (await this.#adoption.isOver()) return { left: 0 };
    this.#refuseInside('drain() waits until what is staged is committed');
    const scope: DueScope =
      entity === undefined
        ? { kind: 'all' }
        : { kind: 'tables', tables: [tableOf(this.#around.types.namedOrRefused(entity))] };
    const { worker } = await this.#open();
    return worker.drain(withParents(scope, this.#around.types), { timeoutMs });
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
        return worker.drain(patient ? withParents(scope, this.#around.types) : scope, { timeoutMs: restMs });
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
    return this.#life.end({ ...options, drain }, () => this.#forgetCache());
  }

  async suspend(): Promise<void> {
    await this.#life.suspend({ drain: this.hasWorker }, () => this.#forgetCache());
    this.#isStarted = false;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  #forgetCache(): CacheAccess | undefined {
    this.#losses.say();
    const cache = this.#cache;
    this.#cache = undefined;
    return cache;
  }

  async #open(): Promise<Parts> {
    const isInside = this.#around.context.current !== undefined;
    if (!this.#life.isOpen && isInside) throw waitsForItself(OPENING, this.#failure);
    const parts = await this.#life.open();
    if (parts.entities.areAll) return parts;
    if (isInside) throw waitsForItself(OPENING, this.#failure);
    await parts.entities.keepUp();
    return parts;
  }

  #refuseInside(what: string): void {
    if (this.#around.context.current) throw waitsForItself(what);
  }

  #startWorker({ worker }: Parts): void {
    if (this.#isStarted || !this.#around.options.worker) return;
    this.#isStarted = true;
    this.#around.context.outside(() => worker.start());
  }

  /** Tells the worker and whoever listens where something was staged. */
  #announce(result: StageResult, { worker, staging }: Parts): StageResult {
    const rows = new Map<number, number>();
    for (const rowKey of result.staged.keys()) {
      this.#countRow(rowKey, 'staged');
      const shard = shardOf(rowKey, staging.shards);
      rows.set(shard, (rows.get(shard) ?? 0) + 1);
    }
    if (this.#isStarted) worker.wake(rows.keys());
    if (this.events.heard('staged')) {
      for (const [shard, changes] of rows) this.events.emit({ type: 'staged', shard, changes });
    }
    return result;
  }

  count(entity: string, way: WriteWay): void {
    this.#ways.count(entity, way);
  }

  #countRow(rowKey: RowKey, way: WriteWay): void {
    const type = this.#around.types.ofRow(rowKey);
    if (type) this.#ways.count(type.meta.className, way);
  }
}

function late(code: 'DRAIN_TIMEOUT' | 'WRITE_TIMEOUT', what: string, timeoutMs: number): SpillwayError {
  return new SpillwayError(
    code,
    `${what} did not end within ${Math.round(timeoutMs)} ms, because Redis or PostgreSQL has not answered. ` +
      'Nothing is lost: what is staged stays staged and is written later. ' +
      'Check that both can be reached, or give a longer timeout',
  );
}

function tableOf({ table }: WriteBehindType): { readonly schema: string; readonly table: string } {
  return { schema: table.schema, table: table.name };
}

function tablesOf(keys: readonly RowKey[]): { readonly schema: string; readonly table: string }[] {
  const tables = keys.map((key) => {
    const { schema, table } = parseRowKey(key);
    return JSON.stringify({ schema, table });
  });
  return [...new Set(tables)].map((text) => JSON.parse(text) as { schema: string; table: string });
}
