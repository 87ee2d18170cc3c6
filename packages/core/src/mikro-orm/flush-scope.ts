import {
  ChangeSetType,
  Reference,
  ReferenceKind,
  Utils,
  helper,
  isRaw,
  type AnyEntity,
  type ChangeSet,
  type UnitOfWork,
} from '@mikro-orm/core';
import type { RowKey } from '../change/row-key.js';
import { rowKeyIn } from './build-change.js';
import { needsDatabase } from './database-made.js';
import { valueIn } from './embedded-value.js';
import type { TypeRegistry } from './type-registry.js';

/**
 * How a flush is written. `plain`: it has nothing to do with Spillway. `staged`: everything in it can be staged. `sql`: it writes plain entities too, or something that only SQL
 * can do, so all of it is one SQL transaction.
 */
export type FlushMode = 'plain' | 'staged' | 'sql';

export function flushMode(types: TypeRegistry, uow: UnitOfWork): FlushMode {
  const changeSets = uow.getChangeSets();
  if (
    changeSets.length > 0 &&
    uow.getCollectionUpdates().length === 0 &&
    changeSets.every((changeSet) => canBeStaged(types, changeSet))
  )
    return 'staged';
  return rowsInvolved(types, uow).size > 0 || changeSets.some(({ meta }) => types.of(meta)) ? 'sql' : 'plain';
}

function canBeStaged(types: TypeRegistry, changeSet: ChangeSet<AnyEntity>): boolean {
  const type = types.of(changeSet.meta);
  if (!type || !type.isIn(changeSet.schema) || Object.values(changeSet.payload).some(isRaw)) return false;
  if (changeSet.type === ChangeSetType.CREATE && needsDatabase(type, changeSet.payload)) return false;
  const isUpdate = changeSet.type === ChangeSetType.UPDATE || changeSet.type === ChangeSetType.UPDATE_EARLY;
  // Another primary key is another record; only SQL renames a row.
  if (isUpdate && type.key.property.name in changeSet.payload) return false;
  // A row that becomes one of another class is found by other queries than before.
  if (isUpdate && type.family && type.family.discriminator in changeSet.payload) return false;
  // A versioned row that was never loaded has no version to expect.
  return !isUpdate || !type.version || Reflect.get(changeSet.entity, type.version.property.name) != null;
}

/** The write-behind rows that a flush writes or refers to, as far as they can exist already. SQL needs what is pending of them to be written first. */
export function rowsInvolved(types: TypeRegistry, uow: UnitOfWork): Set<RowKey> {
  const rows = new Set<RowKey>();
  const add = (value: unknown): void => {
    const entity: unknown = value && Reference.unwrapReference(value as AnyEntity);
    if (!Utils.isEntity<AnyEntity>(entity, true)) return;
    const type = types.of(helper(entity).__meta);
    const key: unknown = type && helper(entity).getPrimaryKey(true);
    if (type?.isIn(helper(entity).__schema) && key !== null && key !== undefined) rows.add(rowKeyIn(type, key));
  };
  for (const changeSet of uow.getChangeSets()) {
    const { entity, meta } = changeSet;
    add(entity);
    // The key that the row had when it was loaded, in case that it has another one now.
    const type = changeSet.originalEntity && types.of(meta);
    if (type?.isIn(changeSet.schema)) rows.add(rowKeyIn(type, changeSet.getPrimaryKey()));
    for (const relation of meta.relations)
      if (relation.owner || relation.kind === ReferenceKind.MANY_TO_ONE) add(valueIn(entity, relation, meta));
  }
  for (const collection of uow.getCollectionUpdates()) {
    add(collection.owner);
    for (const item of collection.getItems(false)) add(item);
  }
  return rows;
}
