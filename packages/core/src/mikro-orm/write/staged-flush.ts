import type { EntityManager, UnitOfWork } from '@mikro-orm/core';
import { unlessAborted } from '../../abort.js';
import type { Change } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import type { StageCall } from '../../staging/staging-store.js';
import type { StageResult } from '../../staging/stager.js';
import type { SqlReason } from '../../observability/write-ways.js';
import { incompatible } from '../contract/incompatible.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { EntityStates } from './entity-states.js';
import type { EngineWrites } from '../engine.js';
import { fallbackFor, type Fallback } from '../change/fallback.js';
import { oneChangePerRow } from './one-change-per-row.js';
import type { Operation } from '../change/operation.js';
import { refusalError } from './refusal-error.js';
import type { Validation } from '../validate/validation.js';
import { forgetReadVersions, readVersionsOf } from '../change/read-versions.js';
import { StagingUnit } from '../change/staging-unit.js';
import { CutOff } from '../../staging/staging-errors.js';
import { signalOfManager } from '../contract/signals.js';

type Stage = (changes: readonly Change[]) => Promise<StageResult>;

/** Operations whose stage call was not answered: nobody knows yet whether they are staged. */
interface Unsettled {
  readonly calls: readonly StageCall[];
  readonly operations: readonly Operation[];
}

/**
 * The staging half of one unit of work. An all-staged flush runs MikroORM's own code with the driver's answers made up (see `StagedWrites`), and stages everything in
 * one go at its end. MikroORM then believes that all is written; whatever was refused, or is unknown, is put back to what it was before, so that the next flush sees
 * it as changed. A call whose answer was lost is settled before the next flush compares anything, or its changes would be staged twice.
 */
export class StagedFlush {
  readonly #writes: EngineWrites;
  readonly #types: TypeRegistry;
  readonly #validation: Validation;
  readonly #em: EntityManager;
  readonly #uow: UnitOfWork;
  readonly states: EntityStates;
  /** The next flush does all there is to do about a flush that was not wholly staged. */
  readonly #retry: () => Promise<void>;
  #unit: StagingUnit | undefined;
  /** How the flush that has just failed may be written all the same. */
  #wayOut: Fallback | undefined;
  #fallback: Fallback | undefined;
  #sqlReason: SqlReason | undefined;
  #unsettled: Unsettled[] = [];

  constructor(writes: EngineWrites, em: EntityManager, types: TypeRegistry, validation: Validation) {
    this.#writes = writes;
    this.#types = types;
    this.#validation = validation;
    this.#em = em;
    this.#uow = em.getUnitOfWork(false);
    this.states = new EntityStates(this.#uow);
    this.#retry = () => this.#uow.commit();
  }

  /** The unit of the flush that is running, if it is one that is staged. */
  get unit(): StagingUnit | undefined {
    return this.#unit;
  }

  /** Whether the running flush, which is written by SQL, has been prepared for it. */
  get isPreparedForSql(): boolean {
    return this.#sqlReason !== undefined;
  }

  /** Why the running flush is written by SQL though it could have been staged. */
  get fallback(): Fallback | undefined {
    return this.#fallback;
  }

  /** Commits, and once more by SQL where nothing could be staged and the policies say so. Entities are then as changed as they were, so MikroORM compares them anew. */
  async commit(commit: () => Promise<void>): Promise<void> {
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

  /** Runs MikroORM's part of a flush, then stages what it wanted to write; or holds it, in a transaction that does. */
  async run(
    persist: () => Promise<unknown>,
    stage: Stage = (changes) => this.#writes.stage(changes, signalOfManager(this.#em)),
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
    await this.#stage(unit.operations, stage);
  }

  /** Before a flush compares entities with their snapshots: finds out what is unknown, and queues again what was refused. */
  async prepare(): Promise<void> {
    while (this.#unsettled[0]) {
      const { calls, operations } = this.#unsettled[0];
      const result = await unlessAborted(signalOfManager(this.#em), async () => this.#writes.settle(calls));
      if (result.unknown.length > 0) throw refusalError(operations, result, this.#retry);
      this.#note(operations, result);
      this.states.accept(operations.filter(({ change }) => result.staged.has(change.rowKey)));
      this.#unsettled.shift();
    }
    this.states.requeue();
  }

  /** After `em.clear()` there is nothing left to put right. */
  forget(): void {
    this.#unsettled = [];
    this.states.forget();
    forgetReadVersions(this.#em);
  }

  async #stage(operations: readonly Operation[], stage: Stage): Promise<void> {
    let result: StageResult;
    try {
      result = await stage(oneChangePerRow(operations.map(({ change }) => change)));
    } catch (error) {
      // Our own end has come in between. The ORM may be opened again, and then it is asked.
      if (error instanceof CutOff && error.result) {
        this.#settle(operations, error.result);
        throw error;
      }
      this.states.takeBack(operations);
      this.#wayOut = fallbackFor(error, this.#uow.getChangeSets(), this.#types);
      throw error;
    }
    if (this.#settle(operations, result)) return;
    this.#wayOut = fallbackFor(result, this.#uow.getChangeSets(), this.#types);
    throw refusalError(operations, result, this.#retry);
  }

  /** Entities are what became of their changes. @returns whether all are staged */
  #settle(operations: readonly Operation[], result: StageResult): boolean {
    this.#note(operations, result);
    this.states.correctVersions(operations, result.staged);
    const refused = new Set<RowKey>(result.refused.map(({ rowKey }) => rowKey));
    const unknown = new Set<RowKey>(result.unknown.flatMap((call) => call.changes.map(({ rowKey }) => rowKey)));
    const open = operations.filter(({ change }) => !result.staged.has(change.rowKey));
    if (open.length === 0) return true;
    const lost = open.filter(({ change }) => unknown.has(change.rowKey) && !refused.has(change.rowKey));
    this.states.rememberAfter(lost);
    this.states.takeBack(open);
    if (lost.length > 0) this.#unsettled.push({ calls: result.unknown, operations: lost });
    return false;
  }

  /** The entities lie on what is staged now. */
  #note(operations: readonly Operation[], { marks, staged }: StageResult): void {
    this.#writes.marks.note(operations, marks);
    const versions = readVersionsOf(this.#em);
    for (const { change } of operations) if (staged.has(change.rowKey)) versions.forget(change.rowKey);
  }
}
