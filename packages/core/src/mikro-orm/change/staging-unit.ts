import { ChangeSetType, type AnyEntity, type ChangeSet, helper, type EntityData } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { IsRowBase } from './build-change.js';
import type { ReadVersions } from './read-versions.js';
import type { Change } from '../../change/change.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * Travels in the options of MikroORM's calls from the persister to the driver. Names the flush and the change sets of a
 * call.
 */
export const STAGED: unique symbol = Symbol('spillway.staged');

/** Set in the options of a flush that writes by SQL and has made sure already that nothing it involves is pending. */
export const DRAINED: unique symbol = Symbol('spillway.drained');

/** Set in the options of a call past the unit of work, which is handled in the driver. */
export const DIRECT: unique symbol = Symbol('spillway.direct');

export interface StagedCall {
  readonly unit: StagingUnit;
  readonly changeSets: readonly ChangeSet<AnyEntity>[];
}

/**
 * Collects the changes that one `em.flush()` of write-behind entities wants to write, until all of them are staged at
 * once.
 */
export class StagingUnit {
  readonly operations: Operation[] = [];
  readonly #wanted: readonly ChangeSet<AnyEntity>[];
  readonly #given = new Set<ChangeSet<AnyEntity>>();
  #skipped = 0;

  readonly #rows = new Set<RowKey>();
  readonly #known: ReadVersions;

  /**
   * @param changeSets the change sets that the flush is about to write; it may add to them
   * @param known versions that the entity manager has read in the database
   */
  constructor(changeSets: readonly ChangeSet<AnyEntity>[], known: ReadVersions) {
    this.#known = known;
    this.#wanted = changeSets.filter(({ type, payload }) => !isUpdate(type) || Object.keys(payload).length > 0);
  }

  /** The persister has been given these change sets to write. */
  expect(changeSets: readonly ChangeSet<AnyEntity>[]): void {
    for (const changeSet of changeSets) this.#given.add(changeSet);
  }

  add(operation: Operation): void {
    this.operations.push(operation);
    this.#rows.add(operation.change.rowKey);
  }

  /** A row that this flush has already changed has a version of the flush's own. */
  readonly isRowBase: IsRowBase = (rowKey, base) => !this.#rows.has(rowKey) && this.#known.has(rowKey, base);

  /** This many change sets have reached the driver without becoming a change. */
  skip(count: number): void {
    this.#skipped += count;
  }

  /** The change sets that MikroORM has written past a hook, in words; `undefined` if there are none. */
  get leak(): string | undefined {
    if (this.#wanted.some((changeSet) => !this.#given.has(changeSet)))
      return 'change sets of a flush did not reach the change set persister';
    return this.operations.length + this.#skipped < this.#given.size
      ? 'change sets that were marked for staging did not reach the driver'
      : undefined;
  }
}

/** The tag of a driver call, if it has one. */
export function stagedCall(options: unknown): StagedCall | undefined {
  return options !== null && typeof options === 'object' ? (options as { [STAGED]?: StagedCall })[STAGED] : undefined;
}

export function isDrained(options: unknown): boolean {
  return options !== null && typeof options === 'object' && (options as { [DRAINED]?: boolean })[DRAINED] === true;
}

function isUpdate(type: ChangeSetType): boolean {
  return type === ChangeSetType.UPDATE || type === ChangeSetType.UPDATE_EARLY;
}

export function isDirect(options: unknown): boolean {
  return options !== null && typeof options === 'object' && (options as { [DIRECT]?: boolean })[DIRECT] === true;
}

export type OperationKind = 'insert' | 'update' | 'delete';

/**
 * One change set of a flush and the change that it becomes, with the state to restore in the entity if the change is
 * refused.
 */
export interface Operation {
  readonly kind: OperationKind;
  readonly type: WriteBehindType;
  readonly entity: AnyEntity;
  readonly change: Change;
  readonly before: EntityState;
}

/** The part of an entity that MikroORM changes when it believes that the entity has been written. */
export interface EntityState {
  readonly snapshot: EntityData<AnyEntity> | undefined;
  readonly version: unknown;
}

export function stateOf(entity: AnyEntity): EntityState {
  const wrapped = helper(entity);
  const { versionProperty } = wrapped.__meta;
  const version: unknown = versionProperty && Reflect.get(entity, versionProperty);
  return { snapshot: wrapped.__originalEntityData, version };
}
