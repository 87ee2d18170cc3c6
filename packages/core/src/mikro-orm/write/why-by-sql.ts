import { ChangeSetType, isRaw, type AnyEntity, type ChangeSet } from '@mikro-orm/core';
import type { SqlReason } from '../../observability/write-ways.js';
import { needsDatabase } from '../describe/database-made.js';
import { isExactKey, namesKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import { untakenProperty } from '../describe/value-texts.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { FlushContent } from './flush-content.js';
import { isDelete, rowsInvolved, typesChanged } from './flush-scope.js';

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
  // The row with the rounded key is another one. SQL finds none.
  if (changeSet.type !== ChangeSetType.CREATE && !isExactKey(type, changeSet.getPrimaryKey())) return 'key';
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
