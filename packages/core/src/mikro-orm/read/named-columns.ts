import { Utils, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { StagedRecord } from '../../change/record.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** Everything that a query's conditions say by name, at whatever depth and of whatever type: more than the root's own properties, so that none of them is missed. */
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

/** Whether a condition has parts that are SQL: then it may be about any column, and it cannot be put twice. */
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
 * Whether a pending change may decide if the row meets the conditions: it touches something that they name. Such a row must not be answered as long as its change is not written: it
 * may belong to another tenant by then.
 */
export function decidesBy(type: WriteBehindType, names: ReadonlySet<string>, record: StagedRecord): boolean {
  if (record.kind !== 'update' && record.kind !== 'increment') return true;
  if (type.version && record.version !== undefined && names.has(type.version.property.name)) return true;
  const changed = [...Object.keys(record.values), ...Object.keys(record.deltas)];
  return changed.some((name) => {
    const known = type.values.get(name);
    // What this release does not know it cannot judge either.
    return known === undefined || namesOf(type.meta, known.property, known.column).some((each) => names.has(each));
  });
}

/** The property, those that it is embedded in, and all others that are made of its column. */
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
