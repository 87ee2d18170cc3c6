import {
  ChangeSet,
  helper,
  Utils,
  type AnyEntity,
  ChangeSetType,
  type Collection,
  type EntityManager,
  Reference,
  ReferenceKind,
  type EntityMetadata,
  type EntityProperty,
} from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { valueIn } from '../values/embedded-value.js';
import { scalarsOf } from '../describe/property-columns.js';
import { isInSchema, entityRowKey, knownRowKey, namesKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { namesUnique } from '../describe/unique-properties.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** Everything that a flush is about to write. */
export interface FlushContent {
  readonly changeSets: readonly ChangeSet<AnyEntity>[];
  readonly collections: readonly Collection<AnyEntity>[];
}

/**
 * A part of an entity that MikroORM has put off: names, values, the change set that had them, and when they are
 * written.
 */
type PutOff = readonly [AnyEntity, string | readonly string[], unknown, unknown, ChangeSetType];

/**
 * The writes that the unit of work has decided on, including the parts that it has put off. MikroORM takes these parts
 * out of their entities and change sets, and writes them at the end of the flush. They are unique values of a property
 * that another change of the flush sets too, and many-to-many collections with a new row that the flush had met before.
 */
export function flushContent(em: EntityManager): FlushContent {
  const uow = em.getUnitOfWork(false);
  const putOff = [...uow.getExtraUpdates()] as readonly PutOff[];
  return {
    changeSets: [...uow.getChangeSets(), ...putOff.flatMap((part) => changePutOff(em, part))],
    collections: [...uow.getCollectionUpdates(), ...putOff.flatMap(([, , value]) => collectionPutOff(value))],
  };
}

function collectionPutOff(value: unknown): Collection<AnyEntity>[] {
  return Utils.isCollection<AnyEntity>(value) ? [value] : [];
}

function changePutOff(em: EntityManager, [entity, names, values, , type]: PutOff): ChangeSet<AnyEntity>[] {
  if (typeof names === 'string' || !Array.isArray(values)) return [];
  const whole = asItWillBe(entity, names, values);
  const snapshot: Readonly<Record<string, unknown>> = em.getComparator().prepareEntity(whole);
  const payload = Object.fromEntries(names.map((name) => [name, snapshot[name] ?? null]));
  const changeSet = new ChangeSet(whole, type, payload, helper(entity).__meta);
  changeSet.originalEntity = helper(entity).__originalEntityData as never;
  return [changeSet];
}

/** The entity with the values that MikroORM has taken out of it. The entity itself stays as it is. */
function asItWillBe(entity: AnyEntity, names: readonly string[], values: readonly unknown[]): AnyEntity {
  const parts = names.map((name, position) => [name, { value: values[position], enumerable: true }] as const);
  return Object.create(entity, Object.fromEntries(parts)) as AnyEntity;
}

export function isDelete({ type }: Pick<ChangeSet<AnyEntity>, 'type'>): boolean {
  return type === ChangeSetType.DELETE || type === ChangeSetType.DELETE_EARLY;
}

/**
 * The write-behind types whose rows change although the flush does not name them: MikroORM finds the rows by a
 * condition, the database itself changes them, or the database refuses a delete because of them. Their pending changes
 * would be missed, or be written into a deleted row, or refer to one.
 */
export function typesChanged(types: TypeRegistry, content: FlushContent): ReadonlySet<WriteBehindType> {
  return new Set([...typesSought(types, content.collections), ...typesFollowing(types, content)]);
}

function typesFollowing(types: TypeRegistry, { changeSets }: FlushContent): ReadonlySet<WriteBehindType> {
  const following = new Set<WriteBehindType>();
  for (const changeSet of changeSets) {
    const type = types.of(changeSet.meta);
    const renames =
      !isDelete(changeSet) && changeSet.originalEntity !== undefined && !!type && namesKey(type, changeSet.payload);
    if (!isDelete(changeSet) && !renames) continue;
    for (const follower of types.pendingFollowers(changeSet.meta, renames)) following.add(follower);
  }
  return following;
}

/**
 * The write-behind types of which this flush gives a unique value to a row. A pending row may have that value already,
 * or have given it up.
 */
export function typesContended(types: TypeRegistry, { changeSets }: FlushContent): ReadonlySet<WriteBehindType> {
  const contended = new Set<WriteBehindType>();
  for (const changeSet of changeSets) {
    const type = types.of(changeSet.meta);
    if (type && !isDelete(changeSet) && namesUnique(type.unique, changeSet.payload)) contended.add(type);
  }
  return contended;
}

/**
 * The write-behind rows that a flush writes or refers to, as far as they can exist already. SQL needs their pending
 * changes to be written first.
 */
export function rowsInvolved(types: TypeRegistry, { changeSets, collections }: FlushContent): Set<RowKey> {
  const rows = new Set<RowKey>();
  const addKey = (type: WriteBehindType, key: unknown): void => addRow(knownRowKey(type, key));
  const addRow = (row: RowKey | undefined): void => {
    if (row !== undefined) rows.add(row);
  };
  const add = (value: unknown): void => {
    const entity: unknown = value && Reference.unwrapReference(value as AnyEntity);
    if (!Utils.isEntity<AnyEntity>(entity, true)) return;
    const type = types.of(helper(entity).__meta);
    if (type && isInSchema(type, helper(entity).__schema)) addKey(type, entity);
  };
  for (const changeSet of changeSets) {
    const { entity, meta } = changeSet;
    add(entity);
    // The key that the row had when it was loaded, in case it has another one now.
    const type = changeSet.originalEntity && types.of(meta);
    if (type && isInSchema(type, changeSet.schema)) addKey(type, changeSet.getPrimaryKey());
    for (const relation of meta.relations) {
      if (!relation.owner && relation.kind !== ReferenceKind.MANY_TO_ONE) continue;
      const scalars = scalarsOf(meta, relation);
      const value: unknown = scalars?.map((scalar) => valueIn(entity, scalar, meta)) ?? valueIn(entity, relation, meta);
      const target = relation.mapToPk || scalars ? types.of(relation.targetMeta) : undefined;
      if (target && isInSchema(target, relation.targetMeta?.schema)) addRow(entityRowKey(target, value));
      else add(value);
    }
  }
  for (const collection of collections) {
    add(collection.owner);
    for (const item of collection.getItems(false)) add(item);
  }
  return rows;
}

/**
 * Rows of a collection that was set without having been loaded. MikroORM finds them by their reference to its owner.
 */
interface SoughtRows {
  readonly meta: EntityMetadata;
  /** True if the rows are deleted; otherwise they lose their reference. */
  readonly areRemoved: boolean;
}

/**
 * The rows that MikroORM itself finds by a condition when it writes these collections: those of one-to-many collections
 * that were set or emptied without having been loaded. One statement takes the reference from every row that the
 * collection does not name, or deletes these rows where the relation removes orphans. The driver has no hook for it.
 */
export function soughtRows(collections: Iterable<Collection<AnyEntity>>): SoughtRows[] {
  return [...collections].flatMap((collection) => {
    // A collection finds its property by looking for itself in its owner. A collection that is put off is not there; it
    // is always many-to-many.
    const property = collection.property as EntityProperty | undefined;
    const isSought = property?.kind === ReferenceKind.ONE_TO_MANY && collection.getSnapshot() === undefined;
    return isSought && property.targetMeta
      ? [{ meta: property.targetMeta, areRemoved: property.orphanRemoval === true }]
      : [];
  });
}

/** The write-behind types of those rows, and of the rows that the database itself changes when they go. */
export function typesSought(
  types: TypeRegistry,
  collections: Iterable<Collection<AnyEntity>>,
): ReadonlySet<WriteBehindType> {
  const found = soughtRows(collections).flatMap(({ meta, areRemoved }) => [
    types.of(meta),
    ...(areRemoved ? types.pendingFollowers(meta, false) : []),
  ]);
  return new Set(found.filter((type) => type !== undefined));
}
