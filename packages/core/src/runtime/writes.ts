import type { AnyEntity } from '@mikro-orm/core';
import { unlessAborted } from '../mikro-orm/contract/call-context.js';
import type { Change } from '../change/change.js';
import { type RowKey, shardOf, tablesOf } from '../change/row-key.js';
import { isDrainTimeout } from '../errors.js';
import type { SpillwayEvents } from '../events.js';
import { typesOf, withOthers } from '../mikro-orm/describe/with-others.js';
import type { EngineWaits, EngineWrites, EntityMarks } from '../mikro-orm/engine.js';
import type { Operation } from '../mikro-orm/change/staging-unit.js';
import type { CallersTransaction } from '../mikro-orm/transactions/caller.js';
import { stageChannel } from '../observability/channels.js';
import type { TroubleWatch } from '../observability/trouble-watch.js';
import type { WriteWay, WriteWays } from '../observability/status.js';
import { databaseFor } from '../sink/database-unavailable.js';
import type { Table } from '../sink/table.js';
import type { Tier } from '../policy/durability.js';
import type { RulesByEntity } from '../staging/entity-rules.js';
import type { LostUnit, ShortUnit, StageResult } from '../staging/stage-result.js';
import { nothingStaged } from '../staging/staging-errors.js';
import type { StagedMark } from '../staging/look-side.js';
import type { Holdings } from './holdings.js';
import type { Lifecycle } from './lifecycle.js';
import type { Parts } from './parts.js';
import type { StatementDrains } from './statement-drains.js';
import { stageNextSteps, type StepDeps, withoutSteps, writeFirst } from './step-by-step.js';
import type { RuntimeSurroundings } from './surroundings.js';

/**
 * The most times that changes under another policy are written before a flush is refused: other callers may stage
 * faster.
 */
const POLICY_TRIES = 5;

interface WritesDeps {
  readonly around: Pick<RuntimeSurroundings, 'types' | 'context' | 'telemetry'>;
  readonly events: SpillwayEvents;
  readonly trouble: Pick<TroubleWatch, 'isDatabaseDown'>;
  readonly ways: WriteWays;
  readonly life: Lifecycle;
  readonly holdings: Holdings;
  readonly statementDrains: StatementDrains;
  readonly waits: Pick<EngineWaits, 'drain'>;
}

/** Stages and holds changes, and finds out about calls whose answer was lost. */
export class Writes implements EngineWrites {
  readonly marks: EntityMarks = new StagedMarks();
  readonly #deps: WritesDeps;

  constructor(deps: WritesDeps) {
    this.#deps = deps;
  }

  stage(changes: readonly Change[], signal?: AbortSignal, tier?: Tier): Promise<StageResult> {
    if (!stageChannel.hasSubscribers) return this.#stage(changes, signal, tier);
    return this.#deps.around.telemetry.stage(changes, async () => this.#stage(changes, signal, tier));
  }

  async #stage(changes: readonly Change[], signal?: AbortSignal, tier?: Tier): Promise<StageResult> {
    const parts = await unlessAborted(signal, async () => this.#deps.life.open());
    this.#deps.life.startWorker(parts);
    const { rules } = parts.entities;
    // Once some of the changes are staged, the signal no longer gives up the others.
    let untilStaged = signal;
    const stage: StepDeps['stage'] = async (some, under) => {
      const staged = await this.#stageUnderPolicy(some, under, parts, { signal: untilStaged, tier });
      if (staged.staged.size + staged.unknown.length > 0) untilStaged = undefined;
      return staged;
    };
    const write: StepDeps['write'] = async (keys) =>
      unlessAborted(untilStaged, async () => this.#writeFirst(keys, parts));
    try {
      const first = await stage(changes, rules);
      const isDone = first.refused.length === 0;
      return this.#announce(isDone ? first : await stageNextSteps(changes, first, rules, { stage, write }), parts);
    } catch (error) {
      throw nothingStaged(error, 'the changes were prepared');
    }
  }

  /** Does nothing while the database is known to be away, or its only connection is the caller's. */
  async #writeFirst(keys: readonly RowKey[], { worker, looks }: Parts): Promise<void> {
    if (this.#deps.trouble.isDatabaseDown || this.#deps.around.context.current) return;
    const scope = { kind: 'rows', keys } as const;
    const types = typesOf(scope, this.#deps.around.types);
    const timeoutMs = types.reduce((longest, { policy }) => Math.max(longest, policy.drainTimeoutMs), 0);
    await writeFirst(
      { scope, wide: withOthers(scope, this.#deps.around.types), timeoutMs },
      { drain: (some, ms) => worker.drain(some, { timeoutMs: ms }), peek: (rows) => looks.peek(rows) },
    );
  }

  /** Changes that are pending under another policy are written first; then the new one takes its place. */
  async #stageUnderPolicy(
    changes: readonly Change[],
    rules: RulesByEntity,
    { stager }: Parts,
    { signal, tier }: { readonly signal: AbortSignal | undefined; readonly tier: Tier | undefined },
  ): Promise<StageResult> {
    for (let tries = 1; ; tries += 1) {
      const result = await stager.stageAll(changes, rules, signal, tier);
      const others = result.refused.filter(({ reason }) => reason === 'policy').map(({ rowKey }) => rowKey);
      // What another server may have staged must not be staged again.
      const isOpen = result.staged.size + result.unknown.length > 0;
      if (others.length === 0 || isOpen || tries === POLICY_TRIES) return result;
      try {
        await this.#deps.waits.drain({ kind: 'tables', tables: tablesOf(others) }, { signal });
      } catch (error) {
        if (isDrainTimeout(error)) return result;
        throw error;
      }
    }
  }

  hold(changes: readonly Change[], inside: CallersTransaction, tier?: Tier): Promise<StageResult> {
    if (!stageChannel.hasSubscribers) return this.#hold(changes, inside, tier);
    return this.#deps.around.telemetry.stage(changes, async () => this.#hold(changes, inside, tier));
  }

  async #hold(changes: readonly Change[], inside: CallersTransaction, tier?: Tier): Promise<StageResult> {
    const parts = await this.#deps.life.open();
    this.#deps.life.startWorker(parts);
    const result = await this.#holdStepByStep(changes, inside, parts, tier).catch((error: unknown) => {
      throw nothingStaged(error, 'the changes were prepared');
    });
    for (const rowKey of result.staged.keys()) this.#deps.ways.countRow(rowKey, 'staged');
    return result;
  }

  /** A transaction that has changed such a value before writes that change first; its new hold then lies on the row. */
  async #holdStepByStep(
    changes: readonly Change[],
    inside: CallersTransaction,
    parts: Parts,
    tier: Tier | undefined,
  ): Promise<StageResult> {
    const result = await this.#deps.holdings.hold(changes, inside, parts, { tier });
    const keys = result.refused.filter(({ reason }) => reason === 'step').map(({ rowKey }) => rowKey);
    if (keys.length === 0) return result;
    try {
      await this.#deps.statementDrains.before({ kind: 'rows', keys }, { inside, beforeWrite: true }, parts);
    } catch (error) {
      if (!isDrainTimeout(error)) throw error;
    }
    return this.#deps.holdings.hold(changes, inside, parts, { tier, rules: withoutSteps(parts.entities.rules) });
  }

  async findOut(calls: readonly LostUnit[]): Promise<StageResult> {
    const parts = await this.#deps.life.open();
    return this.#announce(await parts.stager.findOut(calls), parts);
  }

  async waitAgain(units: readonly ShortUnit[]): ReturnType<EngineWrites['waitAgain']> {
    return (await this.#deps.life.open()).stager.waitAgain(units);
  }

  async isAtHome(inside: CallersTransaction): Promise<boolean> {
    return this.#deps.holdings.isAtHome(inside, await this.#deps.life.open());
  }

  async numbers(table: Table, count: number): Promise<readonly string[]> {
    const { sink } = await this.#deps.life.open();
    return databaseFor(`The keys of new rows of ${table.name} come from its sequence.`, sink.numbers(table, count));
  }

  async forget(keys: readonly RowKey[]): Promise<void> {
    await (await this.#deps.life.open()).staging.forget(keys);
  }

  count(entity: string, way: WriteWay): void {
    this.#deps.ways.count(entity, way);
  }

  fellBack(reason: 'full' | 'down'): void {
    this.#deps.events.emit({ type: 'overflow', reason });
  }

  /** Tells the worker and listeners which shards have staged changes. */
  #announce(result: StageResult, { worker, staging }: Parts): StageResult {
    const rows = new Map<number, number>();
    for (const rowKey of result.staged.keys()) {
      this.#deps.ways.countRow(rowKey, 'staged');
      const shard = shardOf(rowKey, staging.shards);
      rows.set(shard, (rows.get(shard) ?? 0) + 1);
    }
    if (this.#deps.life.isWorking) worker.wake(rows.keys());
    if (this.#deps.events.heard('staged')) {
      for (const [shard, changes] of rows) this.#deps.events.emit({ type: 'staged', shard, changes });
    }
    return result;
  }
}

class StagedMarks implements EntityMarks {
  readonly #marks = new WeakMap<AnyEntity, StagedMark>();

  note(operations: readonly Operation[], marks: ReadonlyMap<RowKey, StagedMark>): void {
    for (const { entity, change } of operations) {
      const mark = marks.get(change.rowKey);
      if (mark) this.#marks.set(entity, mark);
      // A held change gets its place when the commit stages it: a caller that waits asks then for pending changes.
      else this.#marks.delete(entity);
    }
  }

  of(entity: AnyEntity): StagedMark | undefined {
    return this.#marks.get(entity);
  }
}
