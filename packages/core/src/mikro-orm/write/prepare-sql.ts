import {
  raw,
  type AnyEntity,
  type ChangeSet,
  type EntityManager,
  ChangeSetType,
  EventType,
  LockMode,
  OptimisticLockError,
  type EntityMetadata,
} from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { counterDelta, decimalText } from '../values/counter-delta.js';
import { knownRowKey, namesKey, rowKeyIn, keyCondition } from '../describe/entity-key.js';
import type { Engine } from '../engine.js';
import { signalOfManager } from '../contract/call-context.js';
import type { CallersTransactions } from '../transactions/caller.js';
import { tableScope } from '../describe/with-others.js';
import { flushContent, rowsInvolved, typesChanged, typesContended } from './flush-content.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { EntityStates, TakenBack } from './staged-flush.js';
import { stateOf, type OperationKind, DRAINED } from '../change/staging-unit.js';
import type { Validation } from '../validate/validation.js';
import { rowVersion, type DriverRow } from '../read/row-overlay.js';
import { buildDelete } from '../change/build-change.js';
import { comparesNothing } from '../change/fallback.js';

/** The parts of Spillway that prepare a flush for SQL. */
export interface SqlPreparation {
  readonly types: TypeRegistry;
  readonly engine: Pick<Engine, 'waits' | 'writes'>;
  readonly transactions: CallersTransactions;
}

/**
 * Prepares a flush of write-behind entities for SQL. Pending changes are written first: those of the rows that the
 * flush involves, and those of other rows that affect it. The staging store then forgets the rows that the flush makes:
 * inserts, and rows that get another key.
 */
export async function prepareSql(em: EntityManager, { types, engine, transactions }: SqlPreparation): Promise<void> {
  const content = flushContent(em);
  const involved = [...rowsInvolved(types, content)];
  const others = [...new Set([...typesChanged(types, content), ...typesContended(types, content)])];
  if (involved.length + others.length === 0) return;
  const asked = {
    inside: transactions.of(em.getTransactionContext()),
    beforeWrite: true,
    signal: signalOfManager(em),
  };
  if (others.length > 0) await engine.waits.drain(tableScope(others, types), asked);
  if (involved.length > 0) await engine.waits.drain({ kind: 'rows', keys: involved }, asked);
  const made = content.changeSets.flatMap((changeSet) => madeRow(types, changeSet));
  if (made.length > 0) await engine.writes.forget(made);
}

/** The payload has the key only for a new row, or for a row whose key is changed. */
function madeRow(types: TypeRegistry, { meta, payload, originalEntity }: ChangeSet<AnyEntity>): RowKey[] {
  const type = types.of(meta);
  const key = type && namesKey(type, payload) ? knownRowKey(type, { ...originalEntity, ...payload }) : undefined;
  return key === undefined ? [] : [key];
}

/**
 * Counters commute also if they are written by SQL. Other writers may have added to them since they were loaded, and no
 * version tells. Their change is therefore an addition in the statement too.
 */
export function addCounters(types: TypeRegistry, changeSets: readonly ChangeSet<AnyEntity>[]): void {
  for (const { meta, payload, originalEntity } of changeSets) {
    const type = types.of(meta);
    if (!type) continue;
    for (const [counter, scale] of type.counters) {
      const loaded: unknown = originalEntity && Reflect.get(originalEntity, counter);
      const value = type.values.get(counter)?.value;
      const delta =
        counter in payload ? counterDelta(loaded, Reflect.get(payload, counter), { scale, column: value }) : undefined;
      const column = type.meta.properties[counter]?.fieldNames[0];
      if (delta !== undefined)
        Reflect.set(payload, counter, raw('coalesce(??, 0) + ?', [column, decimalText(BigInt(delta), scale)]));
    }
  }
}

const KINDS: Readonly<Record<ChangeSetType, OperationKind>> = {
  [ChangeSetType.CREATE]: 'insert',
  [ChangeSetType.UPDATE]: 'update',
  [ChangeSetType.UPDATE_EARLY]: 'update',
  [ChangeSetType.DELETE]: 'delete',
  [ChangeSetType.DELETE_EARLY]: 'delete',
};

/**
 * Validates flushes that are written by SQL. Nothing may be written if anything is invalid, so all of a flush is
 * validated before its first statement. Entities whose own hooks (`beforeCreate`, `beforeUpdate`) have yet to run are
 * validated right before they are written, because the hooks may set values. After a failure all entities are as dirty
 * as before.
 */
export class SqlValidation {
  readonly #em: EntityManager;
  readonly #validation: Validation;
  readonly #states: EntityStates;
  readonly #validated = new WeakSet<ChangeSet<AnyEntity>>();
  readonly #before = new WeakMap<ChangeSet<AnyEntity>, TakenBack>();

  constructor(em: EntityManager, validation: Validation, states: EntityStates) {
    this.#em = em;
    this.#validation = validation;
    this.#states = states;
  }

  /** @param changeSets those that are about to be written; their hooks have run */
  async before(changeSets: readonly ChangeSet<AnyEntity>[]): Promise<void> {
    const all = this.#em.getUnitOfWork(false).getChangeSets();
    for (const changeSet of all) this.#noteState(changeSet);
    const ready = [...new Set([...changeSets, ...all.filter((changeSet) => !this.#hasHooks(changeSet))])];
    const open = ready.filter((changeSet) => !this.#validated.has(changeSet));
    try {
      await this.#validation.changeSets(open);
    } catch (error) {
      this.#states.takeBack(all.flatMap((changeSet) => this.#before.get(changeSet) ?? []));
      throw error;
    }
    for (const changeSet of open) this.#validated.add(changeSet);
  }

  #noteState(changeSet: ChangeSet<AnyEntity>): void {
    const { entity, type } = changeSet;
    if (!this.#before.has(changeSet))
      this.#before.set(changeSet, { entity, kind: KINDS[type], before: stateOf(entity) });
  }

  #hasHooks({ type, meta }: ChangeSet<AnyEntity>): boolean {
    const event = KINDS[type] === 'insert' ? EventType.beforeCreate : EventType.beforeUpdate;
    return this.#em.getEventManager().hasListeners(event, meta);
  }
}

/** The reader of rows: MikroORM's driver. */
interface Finder {
  find(entity: EntityMetadata['class'], where: object, options: object): Promise<unknown>;
}

/**
 * Before a flush deletes rows without knowing their pending changes. MikroORM's own delete compares no version, nor
 * whether there was a row. The rows are therefore locked and compared in the transaction that deletes them. A row that
 * is not there yet, or not yet as the entity was read, has a pending change, which would bring it back.
 * @throws MikroORM's `OptimisticLockError`; SpillwayError `STAGING_UNAVAILABLE` for an entity whose version was never
 * loaded
 */
export async function assertUnchanged(
  changeSets: readonly ChangeSet<AnyEntity>[],
  types: TypeRegistry,
  driver: Finder,
  ctx: unknown,
): Promise<void> {
  for (const [meta, ofMeta] of Map.groupBy(changeSets, (changeSet) => changeSet.meta)) {
    const type = types.of(meta);
    if (!type) continue;
    const deletes = ofMeta.map((changeSet) => buildDelete(type, changeSet, () => true));
    if (deletes.some(({ base }) => base === undefined)) throw comparesNothing('em.remove()', type, undefined);
    const where = keyCondition(
      type,
      deletes.map(({ rowKey }) => rowKey),
    );
    const options = { ctx, lockMode: LockMode.PESSIMISTIC_WRITE, [DRAINED]: true };
    const found = (await driver.find(type.meta.class, where, options)) as DriverRow[];
    const versions = new Map(found.map((row) => [rowKeyIn(type, row), rowVersion(type, row)]));
    for (const [index, { rowKey, base }] of deletes.entries())
      if (versions.get(rowKey) !== base) throw OptimisticLockError.lockFailed(ofMeta[index]?.entity ?? meta.className);
  }
}
