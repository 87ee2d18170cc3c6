import { type AnyEntity, type ChangeSet, type EntityProperty, ReferenceKind, Utils } from '@mikro-orm/core';
import type { Change, JsonText, VersionText } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import { counterDelta } from '../values/counter-delta.js';
import { rowKeyIn } from '../describe/entity-key.js';
import { nextVersion, versionText, versionWord } from '../values/version-text.js';
import { SpillwayError } from '../../errors.js';
import { valueName } from '../describe/property-columns.js';
import type { PropertyValue, WriteBehindType } from '../describe/write-behind-type.js';

type Payload = Readonly<Record<string, unknown>>;

/** True if an entity's version was read in the database, with nothing pending laid over the row. */
export type IsRowBase = (rowKey: RowKey, base: VersionText) => boolean;

/** A new row of these values: every one that was set, and the defaults that the database would have put in. */
export function buildInsert(type: WriteBehindType, key: unknown, payload: Payload, nowMs: number): Change {
  return {
    kind: 'insert',
    entity: type.meta.className,
    rowKey: rowKeyIn(type, key),
    ...(type.version && { version: type.version.initial ?? nextVersion(undefined, type.version.kind, nowMs) }),
    values: { ...Object.fromEntries(type.nulls.map((name) => [name, 'null'])), ...valueTexts(type, payload) },
    deltas: {},
    originals: {},
  };
}

/**
 * Changed values of a row. Counters whose loaded value is known become differences. If all other changed values are set
 * by `onUpdate`, the change is an increment, which neither checks nor raises the version.
 */
export function buildUpdate(
  type: WriteBehindType,
  changeSet: ChangeSet<AnyEntity>,
  payload: Payload,
  nowMs: number,
  isRowBase: IsRowBase,
): Change {
  const loaded: Payload = (changeSet.originalEntity as Payload | undefined) ?? {};
  const deltas: Record<string, string> = {};
  const assigned = withNulls(payload);
  for (const [counter, scale] of type.counters) {
    const column = type.values.get(counter)?.value;
    const delta = counter in assigned ? counterDelta(loaded[counter], assigned[counter], { scale, column }) : undefined;
    if (delta === undefined) continue;
    deltas[counter] = delta;
    delete assigned[counter];
  }
  const values = givenTexts(type, assigned);
  const rowKey = rowKeyIn(type, changeSet.getPrimaryKey());
  const common = { entity: type.meta.className, rowKey, values, deltas };
  const counts = Object.keys(deltas).length > 0;
  const isMeant = (name: string): boolean => type.table.onUpdate?.includes(name) !== true;
  if (counts && !Object.keys(values).some(isMeant)) return { ...common, kind: 'increment', originals: {} };
  return {
    ...common,
    kind: 'update',
    ...versions(type, changeSet.entity, nowMs),
    ...baseOf(type, changeSet.entity, rowKey, isRowBase),
    originals: type.keepsOriginals ? valueTexts(type, loadedOf(assigned, loaded, isMeant)) : {},
  };
}

/** MikroORM writes a property that is set to `undefined` in an existing row as null. */
function withNulls(payload: Payload): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, value ?? null]));
}

export function buildDelete(type: WriteBehindType, changeSet: ChangeSet<AnyEntity>, isRowBase: IsRowBase): Change {
  const rowKey = rowKeyIn(type, changeSet.getPrimaryKey());
  return {
    kind: 'delete',
    entity: type.meta.className,
    rowKey,
    ...baseOf(type, changeSet.entity, rowKey, isRowBase),
    values: {},
    deltas: {},
    originals: {},
  };
}

function versions(type: WriteBehindType, entity: AnyEntity, nowMs: number): Pick<Change, 'version'> {
  return type.version ? { version: nextVersion(versionSeen(type, entity), type.version.kind, nowMs) } : {};
}

function baseOf(
  type: WriteBehindType,
  entity: AnyEntity,
  rowKey: RowKey,
  isRowBase: IsRowBase,
): Pick<Change, 'base' | 'isRowBase'> {
  const base = versionSeen(type, entity);
  if (base === undefined) return {};
  return { base, ...(isRowBase(rowKey, base) && { isRowBase: true }) };
}

/**
 * @throws SpillwayError `CONFIG_INVALID` if the application has set the version to a value that is no version: no row
 * could be compared with it
 */
function versionSeen({ meta, version }: WriteBehindType, entity: AnyEntity): VersionText | undefined {
  if (!version) return undefined;
  const value: unknown = Reflect.get(entity, version.property.name);
  const text = versionText(value, version.kind);
  if (text !== undefined || value === null || value === undefined) return text;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `${meta.className}.${version.property.name}, the version of the row, was set to what is no ${versionWord(version.kind)}, so nothing was staged. ` +
      'Leave it to MikroORM: read the entity again, and change its other properties',
  );
}

/** The loaded values of the assigned properties that `onUpdate` does not set. */
function loadedOf(assigned: Payload, loaded: Payload, isMeant: (name: string) => boolean): Payload {
  const names = Object.keys(assigned).filter((name) => assigned[name] !== undefined && isMeant(name));
  return Object.fromEntries(names.map((name) => [name, loaded[name] ?? null]));
}

/**
 * The values that a payload sets, as JSON texts by the names of records. The primary key and the version are not among
 * the values.
 */
export function valueTexts(
  type: WriteBehindType,
  payload: Readonly<Record<string, unknown>>,
): Record<string, JsonText> {
  const result: Record<string, JsonText> = {};
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined) continue;
    const property = type.meta.properties[name];
    if (property && property.fieldNames?.length > 1) Object.assign(result, columnTexts(type, property, value));
    else {
      const text = type.values.get(name)?.value.toText(value);
      if (text !== undefined) result[name] = text;
    }
  }
  return result;
}

/**
 * The first property of a payload whose value its column does not take: it is written by SQL, or refused. References
 * are checked if they are keys; other references are rows that are about to be made.
 */
export function untakenProperty(
  type: WriteBehindType,
  payload: Readonly<Record<string, unknown>>,
): PropertyValue | undefined {
  for (const [name, value] of Object.entries(payload)) {
    if (value === undefined || value === null) continue;
    const property = type.meta.properties[name];
    const isWide = property !== undefined && property.fieldNames?.length > 1;
    const parts = isWide && Array.isArray(value) ? value.flat(Infinity) : [value];
    for (const [position, part] of parts.entries()) {
      const known = type.values.get(isWide ? valueName(property, property.fieldNames[position] ?? '') : name);
      if (known && !isRowToBe(known.property, part) && !known.value.takes(part)) return known;
    }
  }
  return undefined;
}

function isRowToBe({ targetMeta, kind }: EntityProperty, value: unknown): boolean {
  const isReference = targetMeta !== undefined && kind !== ReferenceKind.EMBEDDED;
  return isReference && typeof value === 'object' && !(value instanceof Date) && !(value instanceof Uint8Array);
}

/**
 * The texts of values that an application has set.
 * @throws SpillwayError `CONFIG_INVALID` for a value that its column does not take
 */
export function givenTexts(
  type: WriteBehindType,
  payload: Readonly<Record<string, unknown>>,
): Record<string, JsonText> {
  assertTaken(type, payload);
  return valueTexts(type, payload);
}

/** @throws SpillwayError `CONFIG_INVALID` */
export function assertTaken(type: WriteBehindType, payload: Readonly<Record<string, unknown>>): void {
  const odd = untakenProperty(type, payload);
  if (!odd) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `${type.meta.className}.${odd.property.name} has a value that is none of a ${odd.value.type} column, so nothing was staged. ` +
      'Set one of its type, or write it by SQL',
  );
}

/**
 * A reference to a key of several columns is an array, nested where that key has a reference itself. Without a target,
 * all of its columns are null.
 */
function columnTexts(type: WriteBehindType, property: EntityProperty, value: unknown): Record<string, JsonText> {
  const parts: unknown[] = Array.isArray(value) ? value.flat(Infinity) : [];
  const result: Record<string, JsonText> = {};
  for (const [position, column] of property.fieldNames.entries()) {
    const name = valueName(property, column);
    const text = type.values.get(name)?.value.toText(parts[position] ?? null);
    if (text !== undefined) result[name] = text;
  }
  return result;
}

/** The opposite: values of a record as the driver answers them, by property. */
export function rowValues(type: WriteBehindType, texts: Readonly<Record<string, JsonText>>): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(texts)) {
    const known = type.values.get(name);
    if (!known) continue;
    const { property, value } = known;
    row[property.name] = property.fieldNames.length === 1 ? value.toRow(text) : referenceValue(type, property, texts);
  }
  return row;
}

function referenceValue(
  type: WriteBehindType,
  property: EntityProperty,
  texts: Readonly<Record<string, JsonText>>,
): unknown {
  const parts = property.fieldNames.map((column) => {
    const name = valueName(property, column);
    return type.values.get(name)?.value.toRow(texts[name] ?? 'null') ?? null;
  });
  return parts.includes(null) ? null : Utils.mapFlatCompositePrimaryKey(parts, property);
}
