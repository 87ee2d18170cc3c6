import { ReferenceKind, Utils, type EntityProperty } from '@mikro-orm/core';
import type { JsonText } from '../../change/change.js';
import { SpillwayError } from '../../errors.js';
import { valueName } from './property-columns.js';
import type { PropertyValue, WriteBehindType } from './write-behind-type.js';

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
