import { Utils, type EntityProperty } from '@mikro-orm/core';
import type { JsonText } from '../../change/change.js';
import { valueName } from '../describe/property-columns.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** What is set of a payload, as JSON texts by the names of records. The primary key and the version are not among the values. */
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

/** A reference to a key of several columns is an array, nested where that key has a reference itself. Without a target, all of its columns are null. */
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
