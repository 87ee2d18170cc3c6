import { type AnyEntity, type EntityManager, helper, type UnitOfWork } from '@mikro-orm/core';
import type { Change, VersionText } from '../../change/change.js';
import type { Tier } from '../../policy/durability.js';
import type { LostUnit, ShortUnit, StageResult } from '../../staging/stage-result.js';
import type { SqlReason } from '../../observability/status.js';
import { CutOff } from '../../staging/staging-errors.js';
import type { RowKey } from '../../change/row-key.js';
import { signalOfManager, unlessAborted } from '../contract/call-context.js';
import { incompatible } from '../contract/assert-orm.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { EngineWrites } from '../engine.js';
import { fallbackFor, type Fallback } from '../change/fallback.js';
import {
  type EntityState,
  forgetReadVersions,
  knownVersionsOf,
  type Operation,
  readVersionsOf,
  StagingUnit,
  stateOf,
} from '../change/staging-unit.js';
import type { Validation } from '../validate/validation.js';
import { versionValue } from '../values/version-text.js';
import { DurabilityNotReachedError } from './durability-error.js';
import { refusalError } from './refusal-error.js';

type Stage = (changes: readonly Change[], tier: Tier | undefined) => Promise<StageResult>;

/** Operations whose stage call was not answered: it is unknown whether they are staged. */
interface LostOperations {
  readonly calls: readonly LostUnit[];
  readonly operations: readonly Operation[];
}

/**
 * The staging half of one unit of work. A flush that can be staged runs MikroORM's own code with the driver's answers
 * made up (see `StagedWrites`), and stages everything in one go at its end. MikroORM then believes that everything is
 * written. Entities whose changes were refused, or are unknown, are put back to their state before, so that the next
 * flush sees them as changed. A call whose answer was lost is looked into before the next flush compares anything, or
 * its changes would be staged twice.
 */
export class StagedFlush {
  readonly #writes: EngineWrites;
  readonly #types: TypeRegistry;
  readonly #validation: Validation;
  readonly #em: EntityManager;
  readonly #uow: UnitOfWork;
  readonly states: EntityStates;
  /** Flushes again: the next flush completes one that was not wholly staged. */
  readonly #retry: () => Promise<void>;
  #unit: StagingUnit | undefined;
  /** The fallback that may write the flush which has just failed. */
  #wayOut: Fallback | undefined;
  #fallback: Fallback | undefined;
  #sqlReason: SqlReason | undefined;
  #lost: LostOperations[] = [];
  /** What each running flush has staged short of its durability. One that is queued counts for the one before, too. */
  readonly #running = new Set<ShortUnit[]>();

  constructor(writes: EngineWrites, em: EntityManager, types: TypeRegistry, validation: Validation) {
    this.#writes = writes;
    this.#types = types;
    this.#validation = validation;
    this.#em = em;
    this.#uow = em.getUnitOfWork(false);
    this.states = new EntityStates(this.#uow);
    this.#retry = () => this.#uow.commit();
  }

  /** The unit of the running flush, if that is staged. */
  get unit(): StagingUnit | undefined {
    return this.#unit;
  }

  /** True if the running flush is written by SQL, and has been prepared for it. */
  get isPreparedForSql(): boolean {
    return this.#sqlReason !== undefined;
  }

  /** Why the running flush is written by SQL although it could have been staged. */
  get fallback(): Fallback | undefined {
    return this.#fallback;
  }

  /**
   * Commits. What is staged and has not reached its durability is said once MikroORM has ended its flush, so that the
   * unit of work is as after any flush.
   *
   * @throws DurabilityNotReachedError
   */
  async commit(commit: () => Promise<void>): Promise<void> {
    const short: ShortUnit[] = [];
    this.#running.add(short);
    try {
      await this.#commit(commit);
    } finally {
      this.#running.delete(short);
    }
    if (short.length > 0) throw new DurabilityNotReachedError(short, this.#writes);
  }

  /**
   * Commits. If nothing could be staged and the policies say so, commits once more by SQL. Entities are then as changed
   * as before, so MikroORM compares them anew.
   */
  async #commit(commit: () => Promise<void>): Promise<void> {
    await this.prepare();
    this.#wayOut = undefined;
    try {
      return await commit();
    } catch (error) {
      if (this.#wayOut === undefined) throw error;
    }
    this.#fallback = this.#wayOut;
    try {
      this.#writes.fellBack(this.#wayOut);
      await this.prepare();
      await commit();
    } finally {
      this.#fallback = undefined;
    }
  }

  /** Why it is written by SQL. */
  get sqlReason(): SqlReason | undefined {
    return this.#sqlReason;
  }

  async preparedForSql<T>(reason: SqlReason, write: () => Promise<T>): Promise<T> {
    this.#sqlReason = reason;
    try {
      return await write();
    } finally {
      this.#sqlReason = undefined;
    }
  }

  /** Runs MikroORM's part of a flush, then stages its changes; a transaction that holds changes holds them instead. */
  async run(
    persist: () => Promise<unknown>,
    stage: Stage = (changes, tier) => this.#writes.stage(changes, signalOfManager(this.#em), tier),
  ): Promise<void> {
    const unit = new StagingUnit(this.#uow.getChangeSets(), readVersionsOf(this.#em));
    this.#unit = unit;
    try {
      await persist();
      if (unit.leak !== undefined) throw incompatible(unit.leak);
      // After the entities' own hooks, which may still put values in.
      await this.#validation.changeSets(this.#uow.getChangeSets());
    } catch (error) {
      this.states.takeBack(unit.operations);
      this.#wayOut = fallbackFor(error, this.#uow.getChangeSets(), this.#types);
      throw error;
    } finally {
      this.#unit = undefined;
    }
    await this.#stage(unit, stage);
  }

  /**
   * Before a flush compares entities with their snapshots: finds out about unknown changes, and queues refused ones
   * again.
   */
  async prepare(): Promise<void> {
    while (this.#lost[0]) {
      const { calls, operations } = this.#lost[0];
      const result = await unlessAborted(signalOfManager(this.#em), async () => this.#writes.findOut(calls));
      if (result.unknown.length > 0) throw refusalError(operations, result, this.#retry);
      this.#note(operations, result);
      this.states.accept(operations.filter(({ change }) => result.staged.has(change.rowKey)));
      this.states.correctVersions(operations, result.staged);
      this.#lost.shift();
    }
    this.states.requeue();
  }

  /** After `em.clear()` there is nothing left to put right. */
  forget(): void {
    this.#lost = [];
    this.states.forget();
    forgetReadVersions(this.#em);
  }

  async #stage({ operations, changes, tier }: StagingUnit, stage: Stage): Promise<void> {
    let result: StageResult;
    try {
      result = await stage(changes, tier);
    } catch (error) {
      // Spillway was closed in between. The ORM may be opened again, and then asks whether the changes are staged.
      if (error instanceof CutOff && error.result) {
        this.#conclude(operations, error.result);
        throw error;
      }
      this.states.takeBack(operations);
      this.#wayOut = fallbackFor(error, this.#uow.getChangeSets(), this.#types);
      throw error;
    }
    if (this.#conclude(operations, result)) return;
    this.#wayOut = fallbackFor(result, this.#uow.getChangeSets(), this.#types);
    throw refusalError(operations, result, this.#retry);
  }

  /** Gives entities the state of their changes. @returns true if all are staged */
  #conclude(operations: readonly Operation[], result: StageResult): boolean {
    this.#note(operations, result);
    this.states.correctVersions(operations, result.staged);
    const refused = new Set<RowKey>(result.refused.map(({ rowKey }) => rowKey));
    const unknown = new Set<RowKey>(result.unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
    const open = operations.filter(({ change }) => !result.staged.has(change.rowKey));
    if (open.length === 0) return true;
    const lost = open.filter(({ change }) => unknown.has(change.rowKey) && !refused.has(change.rowKey));
    this.states.rememberAfter(lost);
    this.states.takeBack(open);
    if (lost.length > 0) this.#lost.push({ calls: result.unknown, operations: lost });
    return false;
  }

  /** The entities now build on the staged changes. */
  #note(operations: readonly Operation[], { marks, staged, short = [] }: StageResult): void {
    for (const running of this.#running) for (const unit of short) running.push(unit);
    this.#writes.marks.note(operations, marks);
    const versions = knownVersionsOf(this.#em);
    for (const { change } of operations) if (staged.has(change.rowKey)) versions?.forget(change.rowKey);
  }
}

/** The data that makes an entity as dirty as it was before its flush. */
export type TakenBack = Pick<Operation, 'kind' | 'entity' | 'before'>;

/**
 * Keeps MikroORM's view of an entity (managed, snapshot, version) in step with the state of its changes in the staging
 * store.
 */
export class EntityStates {
  readonly #uow: UnitOfWork;
  readonly #after = new Map<Operation, EntityState>();
  readonly #queued = new Map<AnyEntity, 'persist' | 'remove'>();

  constructor(uow: UnitOfWork) {
    this.#uow = uow;
  }

  /** A replacement of a deleted row goes on from that row's version, which only the staging store knows. */
  correctVersions(operations: readonly Operation[], versions: ReadonlyMap<RowKey, VersionText | undefined>): void {
    for (const { type, entity, change, kind } of operations) {
      // MikroORM finds the answers of a batch by keys as texts, in which moments lose their milliseconds. No version is
      // therefore left to it.
      const version = versions.has(change.rowKey) ? (versions.get(change.rowKey) ?? change.version) : undefined;
      if (type.version && version !== undefined && kind !== 'delete')
        setVersion(entity, type.version.property.name, versionValue(version, type.version.kind));
    }
  }

  /** Notes the state that entities have now, as written, in case their changes turn out to be staged. */
  rememberAfter(operations: readonly Operation[]): void {
    for (const operation of operations) this.#after.set(operation, stateOf(operation.entity));
  }

  /**
   * Makes entities dirty again, as they were before the flush. Backwards, because one row may have been inserted and
   * then updated.
   */
  takeBack(operations: readonly TakenBack[]): void {
    for (const operation of operations.toReversed()) {
      const { entity, kind, before } = operation;
      const wrapped = helper(entity);
      if (kind === 'insert') {
        this.#uow.getIdentityMap().delete(entity);
        delete wrapped.__originalEntityData;
        wrapped.__managed = false;
        this.#queued.set(entity, 'persist');
      } else {
        if (kind === 'delete') {
          this.#uow.getIdentityMap().store(entity);
          wrapped.__managed = true;
          this.#queued.set(entity, 'remove');
        }
        if (before.snapshot) wrapped.__originalEntityData = before.snapshot;
      }
      const { versionProperty } = wrapped.__meta;
      if (versionProperty) setVersion(entity, versionProperty, before.version);
    }
  }

  /** The opposite: entities whose changes turned out to be staged. */
  accept(operations: readonly Operation[]): void {
    for (const operation of operations) {
      const after = this.#after.get(operation);
      this.#after.delete(operation);
      this.#queued.delete(operation.entity);
      if (operation.kind === 'delete') this.#uow.unsetIdentity(operation.entity);
      else if (after?.snapshot) this.#uow.register(operation.entity, after.snapshot, { refresh: true });
      const { version } = operation.type;
      if (version && after) setVersion(operation.entity, version.property.name, after.version);
    }
  }

  /**
   * Hands refused inserts and removals to the unit of work again, which forgets them at the end of a failed flush;
   * unless the application has decided otherwise since.
   */
  requeue(): void {
    for (const [entity, action] of this.#queued) {
      if (action === 'persist' && !this.#uow.getRemoveStack().has(entity)) this.#uow.persist(entity);
      if (action === 'remove' && !this.#uow.getPersistStack().has(entity)) this.#uow.remove(entity);
    }
    this.#queued.clear();
  }

  forget(): void {
    this.#after.clear();
    this.#queued.clear();
  }
}

function setVersion(entity: AnyEntity, property: string, version: unknown): void {
  if (version === undefined) Reflect.deleteProperty(entity, property);
  else Reflect.set(entity, property, version);
}
