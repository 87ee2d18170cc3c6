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
 * How a flush is written. `plain`: it has nothing to do with Spillway. `staged`: everything in it can be staged. `sql`: it writes plain entities too, or something that only SQL
 * can do, so all of it is one SQL transaction.
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

/** Why a flush that could not be staged as a whole was written by SQL; the first reason that is found stands for all. */
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
  // PostgreSQL reads it, or says at once what is wrong with it.
  if (!isDelete(changeSet) && untakenProperty(type, changeSet.payload)) return 'value';
  // The database then changes other rows, and whoever reads those looks at nothing that is pending of this one.
  if (isDelete(changeSet) && types.isFollowed(changeSet.meta)) return 'followed';
  if (changeSet.type === ChangeSetType.CREATE && needsDatabase(type, changeSet.payload)) return 'made-by-database';
  const isUpdate = changeSet.type === ChangeSetType.UPDATE || changeSet.type === ChangeSetType.UPDATE_EARLY;
  // Another primary key is another record; only SQL renames a row.
  if (isUpdate && namesKey(type, changeSet.payload)) return 'key';
  // What concurrencyCheck compares are loaded values, and only the database knows whether two of them are equal.
  if (isUpdate && type.meta.concurrencyCheckKeys.size > 0) return 'concurrency-check';
  // A row that becomes one of another class is found by other queries than before.
  if (isUpdate && type.family && type.family.discriminator in changeSet.payload) return 'class';
  // A versioned row that was never loaded has no version to expect.
  const isKnown = !isUpdate || !type.version || Reflect.get(changeSet.entity, type.version.property.name) != null;
  return isKnown ? undefined : 'never-loaded';
}

/**
 * Rows that refer to each other across tables can be inserted only with one reference left out and set by a second statement. A record has one statement, so what sets such a reference
 * is not staged. Nor are deletes of the rows that it can point to.
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
 * The write-behind types of which rows change, though the flush does not name them. MikroORM finds them by a condition;
 * or the database itself changes them, or does not let a row go for their sake. What is pending of them would be missed,
 * or be written into a row that is gone, or refer to one.
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

/** The write-behind types of which this flush gives a unique value to a row: one that is pending may have it already, or have given it up. */
export function typesContended(types: TypeRegistry, { changeSets }: FlushContent): ReadonlySet<WriteBehindType> {
  const contended = new Set<WriteBehindType>();
  for (const changeSet of changeSets) {
    const type = types.of(changeSet.meta);
    if (type && !isDelete(changeSet) && namesUnique(type.unique, changeSet.payload)) contended.add(type);
  }
  return contended;
}

/** The write-behind rows that a flush writes or refers to, as far as they can exist already. SQL needs what is pending of them to be written first. */
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
    // The key that the row had when it was loaded, in case that it has another one now.
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
