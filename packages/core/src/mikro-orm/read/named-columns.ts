import { Utils, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { StagedRecord } from '../../change/record.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * All names in a query's conditions, at any depth and of any type: more than the root's own properties, so that none of
 * them is missed.
 */
export function namesIn(conditions: readonly unknown[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const condition of conditions) collect(condition, names);
  return names;
}

function collect(condition: unknown, into: Set<string>): void {
  if (Array.isArray(condition)) for (const part of condition) collect(part, into);
  if (!Utils.isPlainObject(condition)) return;
  for (const [name, part] of Object.entries(condition)) {
    for (const word of name.split(/~~~|\./u)) into.add(word);
    collect(part, into);
  }
}

/** True if a condition has parts that are SQL: it may then be about any column, and cannot be used twice. */
export function hasSql(condition: unknown): boolean {
  if (Array.isArray(condition)) return condition.some(hasSql);
  if (condition === null || typeof condition !== 'object') return false;
  if (Object.getOwnPropertySymbols(condition).length > 0) return true;
  if (!Utils.isPlainObject(condition)) return !isPlainValue(condition);
  return Object.values(condition).some(hasSql);
}

function isPlainValue(value: object): boolean {
  return value instanceof Date || value instanceof Uint8Array || value instanceof RegExp || Utils.isEntity(value, true);
}

/**
 * True if a pending change may decide whether the row meets the conditions: it touches a property that they name. Such
 * a row must not be answered until its change is written: it may belong to another tenant by then.
 */
export function decidesBy(type: WriteBehindType, names: ReadonlySet<string>, record: StagedRecord): boolean {
  if (record.kind !== 'update' && record.kind !== 'increment') return true;
  if (type.version && record.version !== undefined && names.has(type.version.property.name)) return true;
  const changed = [...Object.keys(record.values), ...Object.keys(record.deltas)];
  return changed.some((name) => {
    const known = type.values.get(name);
    // This release cannot judge a property that it does not know.
    return known === undefined || namesOf(type.meta, known.property, known.column).some((each) => names.has(each));
  });
}

/** The property, the embeddables that hold it, and all other properties that are made of its column. */
function namesOf(meta: EntityMetadata, property: EntityProperty, column: string): string[] {
  const names = [property.name, column];
  for (let at: EntityProperty | undefined = property; at?.embedded; at = meta.properties[at.embedded[0] as never])
    names.push(at.embedded[0], at.embedded[1]);
  for (const other of meta.props) {
    if (
      other !== property &&
      other.fieldNames?.some((field) => field === column || property.fieldNames.includes(field))
    )
      names.push(other.name);
  }
  return names;
}
