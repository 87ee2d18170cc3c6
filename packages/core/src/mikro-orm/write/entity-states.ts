import { helper, type AnyEntity, type UnitOfWork } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import { stateOf, type EntityState, type Operation } from '../change/staging-unit.js';
import { versionValue } from '../values/version-text.js';

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
