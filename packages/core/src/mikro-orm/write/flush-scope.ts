import {
  ChangeSetType,
  Reference,
  ReferenceKind,
  Utils,
  helper,
  type AnyEntity,
  type ChangeSet,
} from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { valueIn } from '../values/embedded-value.js';
import { scalarsOf } from '../describe/property-columns.js';
import { entityRowKey, knownRowKey, namesKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { namesUnique } from '../describe/unique-properties.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { typesSought } from './by-condition.js';
import type { FlushContent } from './flush-content.js';

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
