import {
  type AnyEntity,
  type ChangeSet,
  ChangeSetType,
  type EntityData,
  type EntityManager,
  helper,
} from '@mikro-orm/core';
import type { Change, VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import { strictest, type Durability, type Tier } from '../../policy/durability.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { IsRowBase } from './build-change.js';

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

/** Entities that `save()` or `remove()` flushes -> the durability that its caller asks for. */
const asked = new WeakMap<AnyEntity, Durability>();
let askers = 0;

/** Runs a flush for a caller that asks for a durability of these entities, whatever their policies say. */
export async function asking<T>(
  entities: readonly AnyEntity[],
  durability: Durability | undefined,
  flush: () => Promise<T>,
): Promise<T> {
  if (durability === undefined) return flush();
  for (const entity of entities) asked.set(entity, durability);
  askers += 1;
  try {
    return await flush();
  } finally {
    askers -= 1;
    for (const entity of entities) asked.delete(entity);
  }
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

  /**
   * What is staged. A row that refers to itself, or to one that is inserted after it, is inserted and then updated in
   * one flush. The update builds on the version that the insert names. But a row that comes back under its key goes on
   * with the versions of the deleted one, which only the staging store knows. Both changes are therefore staged as one
   * insert.
   */
  get changes(): readonly Change[] {
    const byRow = new Map<RowKey, Change>();
    const others: Change[] = [];
    for (const { change } of this.operations) {
      const before = byRow.get(change.rowKey);
      if (before === undefined) byRow.set(change.rowKey, change);
      else if (before.kind === 'insert' && change.kind === 'update')
        byRow.set(change.rowKey, insertedAs(before, change));
      else others.push(change);
    }
    return [...byRow.values(), ...others];
  }

  /** Where all changes have to be; `undefined`: as the policies say. */
  get tier(): Tier | undefined {
    if (askers === 0 || !this.operations.some(({ entity }) => asked.has(entity))) return undefined;
    return this.operations.reduce<Tier>(
      (tier, { entity, type }) => strictest(tier, asked.get(entity) ?? type.policy.durability),
      'primary',
    );
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
      ? 'change sets that were tagged for staging did not reach the driver'
      : undefined;
  }
}

function insertedAs(insert: Change, { values, version }: Change): Change {
  return { ...insert, values: { ...insert.values, ...values }, ...(version !== undefined && { version }) };
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

/**
 * The version of each row that an entity manager has read in the database, with nothing pending laid over the row. The
 * staging store refuses such a version if it equals that of a dirty record, which is in no row (H15).
 *
 * Entity managers also get versions in other ways: a row that was laid over, an own flush, `em.merge()`, MikroORM's
 * result cache, an entity of another entity manager. These are not kept here, because the caller may have seen a staged
 * state.
 */
export class ReadVersions {
  readonly #versions = new Map<RowKey, VersionText>();

  note(rowKey: RowKey, version: VersionText | undefined): void {
    if (version !== undefined) this.#versions.set(rowKey, version);
  }

  /** Something pending was laid over the row, or the entity manager has staged a change of it. */
  forget(rowKey: RowKey): void {
    this.#versions.delete(rowKey);
  }

  has(rowKey: RowKey, version: VersionText): boolean {
    return this.#versions.get(rowKey) === version;
  }
}

/** On the entity manager itself: most live for one request, and a weak map of them costs the collector of garbage. */
const VERSIONS: unique symbol = Symbol('spillway.read-versions');

type Knowing = EntityManager & { [VERSIONS]?: ReadVersions | undefined };

export function readVersionsOf(em: EntityManager): ReadVersions {
  return ((em as Knowing)[VERSIONS] ??= new ReadVersions());
}

/** `undefined`: it knows none. */
export function knownVersionsOf(em: EntityManager): ReadVersions | undefined {
  return (em as Knowing)[VERSIONS];
}

/** A fork that shares entities with its origin, as every transaction has one, shares the known versions too. */
export function shareReadVersions(origin: EntityManager, fork: EntityManager): void {
  (fork as Knowing)[VERSIONS] = readVersionsOf(origin);
}

/** After `em.clear()` the entity manager holds no version. Entity managers that share its knowledge may. */
export function forgetReadVersions(em: EntityManager): void {
  (em as Knowing)[VERSIONS] = undefined;
}
