import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Utils, type EntityName } from '@mikro-orm/core';
import type { Change } from './change/change.js';
import { parseRowKey, type RowKey } from './change/row-key.js';
import { shardOf } from './change/shard.js';
import { SpillwayError } from './errors.js';
import { SpillwayEvents } from './events.js';
import { adoptFreeShards, adoptShards } from './flush/adopt-shards.js';
import type { FlushSteps } from './flush/flush-shards.js';
import { FlushWorker, type StopOptions, type StopReport } from './flush/worker.js';
import type { DrainResult } from './flush/drain.js';
import { buildIncrement, type Increments } from './mikro-orm/build-increment.js';
import { typesOf, withParents } from './mikro-orm/with-parents.js';
import type { DatabaseAccess } from './mikro-orm/database-of.js';
import type { DrainOptions, Engine } from './mikro-orm/engine.js';
import { changeError } from './mikro-orm/refusal-error.js';
import type { TypeRegistry } from './mikro-orm/type-registry.js';
import type { WriteBehindType } from './mikro-orm/write-behind-type.js';
import type { Logger, ResolvedOptions } from './options.js';
import type { ChangeSink } from './sink/change-sink.js';
import { databaseFor } from './sink/database-unavailable.js';
import { openPostgresSink } from './sink/postgres/open-postgres-sink.js';
import { localWallTime, utcWallTime } from './sink/postgres/sql/wall-time.js';
import type { Table } from './sink/table.js';
import { DEFAULT_LIMITS } from './staging/limits.js';
import { openRedisStaging } from './staging/redis/open-redis-staging.js';
import { Stager, type RulesByEntity, type StageResult } from './staging/stager.js';
import type { DeadLetterStore, DueScope, StageCall, StagingStats, StagingStore } from './staging/staging-store.js';

export interface RuntimeSurroundings {
  readonly options: ResolvedOptions;
  readonly types: TypeRegistry;
  /** How to reach the ORM's database; asked when it is needed first. */
  readonly database: () => DatabaseAccess;
  readonly logger: Logger;
  readonly steps?: FlushSteps;
}

/** What is open between the first use and the end. */
interface Parts {
  readonly staging: StagingStore;
  readonly sink: ChangeSink;
  readonly stager: Stager;
  readonly worker: FlushWorker;
  readonly rules: RulesByEntity;
}

/** A query waits for what is pending this often: what PostgreSQL refused once, because it came before something else of the same drain, is tried again at once. */
const DRAIN_ROUNDS = 2;
/** Between further rounds, where a write has to wait. */
const DRAIN_PAUSE_MS = 20;
const LOOK_AT_TABLES = 'At its first use Spillway looks at its tables.';

/** Inside a transaction, whose own locks may be in the way, a drain is given up soon. */
const DRAIN_INSIDE_TRANSACTION_MS = 1_000;

/**
 * The engine of one ORM: opens the staging store and the sink at the first use, once, and wires them to the stager and the worker. The order of opening and closing is written
 * here and nowhere else.
 */
export class Runtime implements Engine {
  readonly events: SpillwayEvents = new SpillwayEvents();
  readonly #around: RuntimeSurroundings;
  #opening: Promise<Parts> | undefined;
  #isStarted = false;
  #isStopped = false;

  constructor(around: RuntimeSurroundings) {
    this.#around = around;
    // Nobody need be listening; a change that was acknowledged and will not be written must not pass in silence.
    this.events.on('dead-letter', ({ entity, rowKey, code, reason }) =>
      around.logger.error(
        `Spillway: a change of ${entity} ${parseRowKey(rowKey).key.join(', ')} became a dead letter (${code}): ${reason}`,
      ),
    );
  }

  async start(): Promise<void> {
    this.#startWorker(await this.#open());
  }

  async stage(changes: readonly Change[]): Promise<StageResult> {
    const parts = await this.#open();
    this.#startWorker(parts);
    return this.#announce(await parts.stager.stageAll(changes, parts.rules), parts);
  }

  async settle(calls: readonly StageCall[]): Promise<StageResult> {
    const parts = await this.#open();
    return this.#announce(await parts.stager.settle(calls), parts);
  }

  readonly pending: Engine['pending'] = {
    peek: async (keys) => (await this.#open()).staging.peek(keys),
    outcomes: async (tokens) =>
      databaseFor('This read has to look into the ledger.', (await this.#open()).sink.outcomes(tokens)),
  };

  async numbers(table: Table, count: number): Promise<readonly string[]> {
    const { sink } = await this.#open();
    return databaseFor(`The keys of new rows of ${table.name} come from its sequence.`, sink.numbers(table, count));
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await (await this.#open()).staging.forget(keys);
  }

  async drain(scope: DueScope, options: DrainOptions = {}): Promise<void> {
    const { worker, staging } = await this.#open();
    const wide = withParents(scope, this.#around.types);
    const timeoutMs = options.insideTransaction ? DRAIN_INSIDE_TRANSACTION_MS : this.#drainTimeoutMs(scope);
    const deadline = performance.now() + timeoutMs;
    try {
      for (let round = 1; ; round++) {
        // Rows that a caller names mostly have nothing pending that they wait for; if they do, all of it comes along.
        const { left } = await worker.drain(round === 1 && scope.kind === 'rows' ? scope : wide, {
          timeoutMs: Math.max(1, deadline - performance.now()),
        });
        if (left === 0) return;
        if (round < DRAIN_ROUNDS) continue;
        if (options.beforeWrite !== true || scope.kind !== 'rows' || !(await arePending(scope.keys, staging))) break;
        if (performance.now() >= deadline) throw stillPending(scope.keys, timeoutMs);
        await pause(DRAIN_PAUSE_MS);
      }
      this.events.emit({ type: 'lagging', reason: 'refused' });
    } catch (error) {
      const isTimeout = error instanceof SpillwayError && error.code === 'DRAIN_TIMEOUT';
      if (!isTimeout || !options.insideTransaction || this.#needsOrder(scope, options)) throw error;
      this.events.emit({ type: 'lagging', reason: 'transaction' });
    }
  }

  /** Where no version tells the older from the newer, SQL must not write before what was staged earlier. */
  #needsOrder(scope: DueScope, { beforeWrite }: DrainOptions): boolean {
    if (!beforeWrite || scope.kind !== 'rows') return false;
    return scope.keys.some((key) => this.#around.types.ofRow(key)?.version === undefined);
  }

  /** One round, of one entity or of all. */
  async drainOnce(entity: EntityName | undefined, timeoutMs: number): Promise<DrainResult> {
    const scope: DueScope =
      entity === undefined ? { kind: 'all' } : { kind: 'tables', tables: [tableOf(this.#typeOf(entity))] };
    const { worker } = await this.#open();
    return worker.drain(withParents(scope, this.#around.types), { timeoutMs });
  }

  async increment(entity: EntityName, key: unknown, increments: Increments): Promise<void> {
    const change = buildIncrement(this.#typeOf(entity), key, increments);
    const result = await this.stage([change]);
    if (!result.staged.has(change.rowKey)) throw changeError(change, result);
  }

  async status(): Promise<StagingStats> {
    return (await this.#open()).staging.stats();
  }

  async deadLetters(): Promise<DeadLetterStore> {
    return (await this.#open()).staging.deadLetters;
  }

  /** What this process has begun is finished or left staged; then the sink and, last, the staging store are closed. */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    this.#isStopped = true;
    return this.#closeParts(options);
  }

  async suspend(): Promise<void> {
    await this.#closeParts({});
    this.#opening = undefined;
    this.#isStarted = false;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  async #closeParts(options: StopOptions): Promise<StopReport> {
    const parts = await this.#opening?.catch(() => undefined);
    if (!parts) return { left: undefined };
    const report = await parts.worker.stop({ drain: this.#around.options.worker !== undefined, ...options });
    parts.stager.close();
    await parts.sink.close();
    await parts.staging.close();
    return report;
  }

  /** Opened once; a failed attempt is that call's error, and the next call tries again. */
  #open(): Promise<Parts> {
    if (this.#isStopped)
      throw new SpillwayError(
        'STOPPED',
        'Spillway has been stopped. What is staged stays staged; make the ORM anew to go on',
      );
    this.#opening ??= this.#openParts().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openParts(): Promise<Parts> {
    const { options, types, database, logger } = this.#around;
    const { connection, schema, timestampsInUtc } = database();
    const sink = openPostgresSink({
      connection,
      schema: options.tables.schema ?? schema ?? 'public',
      wallTime: timestampsInUtc ? utcWallTime : localWallTime,
      poolSize: (options.worker?.concurrency ?? 1) + 1,
      tables: types.all.map(({ table }) => table),
      namespace: options.namespace,
      onTableFault: (fault) => {
        logger.error(`Spillway: table ${fault.table} cannot be written, its changes wait: ${fault.reason}`);
        this.events.emit({ type: 'paused', cause: 'table', ...fault });
      },
      onIdleError: (error) => logger.warn(`Spillway: a PostgreSQL connection was lost while idle: ${error.message}`),
    });
    let staging: StagingStore | undefined;
    try {
      const identity = await databaseFor(LOOK_AT_TABLES, sink.prepare(options.shards, options.tables.ensure));
      staging = await openStaging(options, identity);
      const all = [...Array(staging.shards).keys()];
      this.#reportForgotten(await databaseFor(LOOK_AT_TABLES, adoptFreeShards(all, staging, sink)));
    } catch (error) {
      await sink.close();
      await staging?.close();
      throw error;
    }
    const opened = staging;
    const adopt = async (shards: readonly number[]): Promise<void> =>
      this.#reportForgotten(await adoptShards(shards, opened, sink));
    return {
      staging,
      sink,
      stager: new Stager(staging, { stageTimeoutMs: options.stageTimeoutMs, adopt }),
      worker: this.#worker(staging, sink),
      rules: rulesOf(types, staging.shards),
    };
  }

  /** A staging store that has forgotten shards has forgotten what was pending in them: that is said, aloud. */
  #reportForgotten(forgotten: readonly number[]): void {
    for (const shard of forgotten) {
      this.events.emit({ type: 'staging-loss', shard, forgot: 'staging', parked: 0, doubtful: 0 });
    }
    if (forgotten.length === 0) return;
    this.#around.logger.error(
      `Spillway: the staging store was empty for shards ${forgotten.join(', ')}, of which batches have been written before. ` +
        'If it was emptied or replaced, what was pending there is lost',
    );
  }

  #startWorker({ worker }: Parts): void {
    if (this.#isStarted || !this.#around.options.worker) return;
    this.#isStarted = true;
    worker.start();
  }

  #worker(staging: StagingStore, sink: ChangeSink): FlushWorker {
    const { options, types, steps } = this.#around;
    const { concurrency, batchSize, pollIntervalMs } = options.worker ?? {
      concurrency: 1,
      batchSize: 500,
      pollIntervalMs: 50,
    };
    // A shard holds records of all entities, and is healed as a whole: one policy that parks is enough to park.
    const onStagingLoss = types.all.every(({ policy }) => policy.onStagingLoss === 'apply') ? 'apply' : 'park';
    return new FlushWorker({
      staging,
      sink,
      events: this.events,
      workerId: randomUUID(),
      settings: { concurrency, batchSize, pollMs: pollIntervalMs, onStagingLoss },
      ...(steps && { steps }),
    });
  }

  /** Tells the worker and whoever listens where something was staged. */
  #announce(result: StageResult, { worker, staging }: Parts): StageResult {
    const rows = new Map<number, number>();
    for (const rowKey of result.staged.keys()) {
      const shard = shardOf(rowKey, staging.shards);
      rows.set(shard, (rows.get(shard) ?? 0) + 1);
    }
    if (this.#isStarted) worker.wake(rows.keys());
    if (this.events.heard('staged')) {
      for (const [shard, changes] of rows) this.events.emit({ type: 'staged', shard, changes });
    }
    return result;
  }

  #typeOf(entity: EntityName): WriteBehindType {
    const type = this.#around.types.named(entity);
    if (type) return type;
    const name = Utils.className(entity);
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${name} is not written behind. Decorate it with @WriteBehind, or name it in the policies of spillway()`,
    );
  }

  /** The longest that one of the types allows that are to be read. */
  #drainTimeoutMs(scope: DueScope): number {
    const touched = typesOf(scope, this.#around.types);
    return Math.max(0, ...touched.map(({ policy }) => policy.drainTimeoutMs));
  }
}

async function arePending(keys: readonly RowKey[], staging: StagingStore): Promise<boolean> {
  const pending = await staging.peek(keys);
  return keys.some((key) => pending.get(key)?.dirty !== undefined || pending.get(key)?.inFlight !== undefined);
}

function stillPending(keys: readonly RowKey[], timeoutMs: number): SpillwayError {
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `Of ${keys.length === 1 ? `the row ${keys[0]}` : `${keys.length} rows`} something staged earlier could not be written within ${timeoutMs} ms, so nothing was written by SQL either: ` +
      'a row is locked, or waits for another one. Try again, or give a longer drainTimeout',
  );
}

/** `maxPending` is for all shards together; each gets an equal part of it as its bound. */
function rulesOf(types: TypeRegistry, shards: number): RulesByEntity {
  return Object.fromEntries(
    types.all.map(({ meta, policy }) => [
      meta.className,
      { ...policy, maxPending: Math.ceil(policy.maxPending / shards) },
    ]),
  );
}

function tableOf({ table }: WriteBehindType): { readonly schema: string; readonly table: string } {
  return { schema: table.schema, table: table.name };
}

async function openStaging(options: ResolvedOptions, database: string): Promise<StagingStore> {
  const { staging, namespace, shards, rememberMs, stageTimeoutMs, acceptVolatile } = options;
  switch (staging.kind) {
    case 'store':
      return staging.store;
    case 'factory':
      return staging.create({ namespace, shards, stageTimeoutMs, rememberMs, database });
    case 'redis':
      return openRedisStaging({
        redis: staging.target,
        namespace,
        shards,
        database,
        rememberMs,
        // A call is sent again, and then fenced, for stageTimeout each; the store must know it all that time and well beyond.
        seenMs: Math.max(DEFAULT_LIMITS.seenMs, 20 * stageTimeoutMs),
        acceptVolatile,
        // Silence is noticed within the time that staging may take; never so soon that a long script looks like silence.
        commandTimeoutMs: Math.min(2_000, Math.max(250, stageTimeoutMs)),
      });
  }
}
