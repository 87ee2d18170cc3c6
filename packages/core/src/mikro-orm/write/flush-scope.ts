import {
  ChangeSetType,
  Reference,
  ReferenceKind,
  Utils,
  helper,
  isRaw,
  type AnyEntity,
  type ChangeSet,
} from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { SqlReason } from '../../observability/write-ways.js';
import { needsDatabase } from '../describe/database-made.js';
import { untakenProperty } from '../describe/value-texts.js';
import { valueIn } from '../values/embedded-value.js';
import { scalarsOf } from '../describe/property-columns.js';
import { entityRowKey, knownRowKey, namesKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { namesUnique } from '../describe/unique-properties.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { typesSought } from './by-condition.js';
import type { FlushContent } from './flush-content.js';

/**
 * How a flush is written. `plain`: it has nothing to do with Spillway. `staged`: everything in it can be staged. `sql`:
 * it writes plain entities too, or a change that only SQL can write, so all of it is one SQL transaction.
 */
export type FlushMode = 'plain' | 'staged' | 'sql';

export function flushMode(types: TypeRegistry, content: FlushContent): FlushMode {
  const { changeSets, collections } = content;
  if (
    changeSets.length > 0 &&
    collections.length === 0 &&
    changeSets.every((changeSet) => whyNotStaged(types, changeSet) === undefined)
  )
    return 'staged';
  const isTouched = changeSets.some(({ meta }) => types.of(meta)) || typesChanged(types, content).size > 0;
  return isTouched || rowsInvolved(types, content).size > 0 ? 'sql' : 'plain';
}

/** Why SQL wrote a flush that could not be staged as a whole; the first reason that is found stands for all. */
export function whyBySql(types: TypeRegistry, { changeSets, collections }: FlushContent): SqlReason {
  if (collections.length > 0) return 'mixed';
  const reasons = changeSets.map((changeSet) => whyNotStaged(types, changeSet));
  return reasons.find((reason) => reason !== undefined) ?? 'mixed';
}

function whyNotStaged(types: TypeRegistry, changeSet: ChangeSet<AnyEntity>): SqlReason | undefined {
  const type = types.of(changeSet.meta);
  if (type?.policy.mode !== 'behind' || !type.isIn(changeSet.schema)) return 'mixed';
  if (Object.values(changeSet.payload).some(isRaw)) return 'raw';
  if (touchesCycle(type, changeSet)) return 'cycle';
  // PostgreSQL reads the value, or says at once what is wrong with it.
  if (!isDelete(changeSet) && untakenProperty(type, changeSet.payload)) return 'value';
  // The database then changes other rows, and a reader of those does not look at pending changes of this one.
  if (isDelete(changeSet) && types.isFollowed(changeSet.meta)) return 'followed';
  if (changeSet.type === ChangeSetType.CREATE && needsDatabase(type, changeSet.payload)) return 'made-by-database';
  const isUpdate = changeSet.type === ChangeSetType.UPDATE || changeSet.type === ChangeSetType.UPDATE_EARLY;
  // Another primary key is another record; only SQL renames a row.
  if (isUpdate && namesKey(type, changeSet.payload)) return 'key';
  // concurrencyCheck compares loaded values, and only the database knows whether two of them are equal.
  if (isUpdate && type.meta.concurrencyCheckKeys.size > 0) return 'concurrency-check';
  // A row that becomes one of another class is found by other queries than before.
  if (isUpdate && type.family && type.family.discriminator in changeSet.payload) return 'class';
  // A versioned row that was never loaded has no version to expect.
  const isKnown = !isUpdate || !type.version || Reflect.get(changeSet.entity, type.version.property.name) != null;
  return isKnown ? undefined : 'never-loaded';
}

/**
 * Rows that refer to each other across tables can be inserted only with one reference left out and set by a second
 * statement. A record has one statement, so a change that sets such a reference is not staged. Deletes of the rows that
 * it can point to are not staged either.
 */
function touchesCycle(
  { closing, closesCycle: isEnd }: WriteBehindType,
  { type, payload }: ChangeSet<AnyEntity>,
): boolean {
  if (isDelete({ type })) return isEnd;
  const values: Readonly<Record<string, unknown>> = payload;
  return [...closing].some((name) => values[name] !== undefined && values[name] !== null);
}

function isDelete({ type }: Pick<ChangeSet<AnyEntity>, 'type'>): boolean {
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
    if (type?.isIn(helper(entity).__schema)) addKey(type, entity);
  };
  for (const changeSet of changeSets) {
    const { entity, meta } = changeSet;
    add(entity);
    // The key that the row had when it was loaded, in case it has another one now.
    const type = changeSet.originalEntity && types.of(meta);
    if (type?.isIn(changeSet.schema)) addKey(type, changeSet.getPrimaryKey());
    for (const relation of meta.relations) {
      if (!relation.owner && relation.kind !== ReferenceKind.MANY_TO_ONE) continue;
      const scalars = scalarsOf(meta, relation);
      const value: unknown = scalars?.map((scalar) => valueIn(entity, scalar, meta)) ?? valueIn(entity, relation, meta);
      const target = relation.mapToPk || scalars ? types.of(relation.targetMeta) : undefined;
      if (target?.isIn(relation.targetMeta?.schema)) addRow(entityRowKey(target, value));
      else add(value);
    }
  }
  for (const collection of collections) {
    add(collection.owner);
    for (const item of collection.getItems(false)) add(item);
  }
  return rows;
}
