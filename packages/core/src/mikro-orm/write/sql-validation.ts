import { ChangeSetType, EventType, type AnyEntity, type ChangeSet, type EntityManager } from '@mikro-orm/core';
import type { EntityStates, TakenBack } from './entity-states.js';
import { stateOf, type OperationKind } from '../change/staging-unit.js';
import type { Validation } from '../validate/validation.js';

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

  /** @param group change sets that are about to be written; their hooks have run */
  async before(group: readonly ChangeSet<AnyEntity>[]): Promise<void> {
    const all = this.#em.getUnitOfWork(false).getChangeSets();
    for (const changeSet of all) this.#noteState(changeSet);
    const ready = [...new Set([...group, ...all.filter((changeSet) => !this.#hasHooks(changeSet))])];
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
