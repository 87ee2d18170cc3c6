import type { JsonText } from '../../../change/change.js';
import type { Column } from '../../table.js';
import type { Item } from '../plan/item.js';

/**
 * One column of the record set `s`. Names are positional, because a column may have any name, even `version` or `m0`.
 */
export interface Field {
  readonly name: string;
  readonly type: string;
  /** The field's value as JSON, or nothing where the item has none. */
  readonly text: (item: Item) => JsonText | undefined;
}

/** A statement whose only parameter is the whole batch as one JSON text. */
export interface Statement {
  readonly text: string;
  readonly json: string;
}

/** `from json_to_recordset(…)` for these fields; `s.i` is the item's position. */
export function recordSet(fields: readonly Field[]): string {
  return `json_to_recordset($1::json) as s(i int${fields.map(({ name, type }) => `, ${name} ${type}`).join('')})`;
}

/**
 * The items as a JSON array of objects, put together from the staged texts. Nothing is decoded, so nothing is lost on
 * the way (large numbers, the difference between null and 'null').
 */
export function recordsJson(items: readonly Item[], fields: readonly Field[]): string {
  let json = '[';
  for (let i = 0; i < items.length; i++) {
    const item = items[i] as Item; // i is below the length
    json += `${i === 0 ? '' : ','}{"i":${i}`;
    for (const field of fields) {
      const text = field.text(item);
      if (text !== undefined) json += `,"${field.name}":${text}`;
    }
    json += '}';
  }
  return `${json}]`;
}

/** The primary key: `k0`, `k1`, … Key texts are read by the column's own type. */
export function keyFields(key: readonly Column[]): Field[] {
  return key.map((column, position) => ({
    name: `k${position}`,
    type: recordType(column),
    text: (item) => JSON.stringify(item.key[position]),
  }));
}

/** A column's value out of the record set. */
export function valueField(name: string, column: Column): Field {
  return { name, type: recordType(column), text: ({ record }) => own(record.values, column.property) };
}

export function originalField(name: string, column: Column): Field {
  return { name, type: recordType(column), text: ({ record }) => own(record.originals, column.property) };
}

/** The field's expression with the column's type. */
export function valueOf(name: string, column: Column): string {
  return column.read === 'cast' ? `s.${name}::${column.type}` : `s.${name}`;
}

export function own(values: Readonly<Record<string, string>>, property: string): string | undefined {
  return Object.hasOwn(values, property) ? values[property] : undefined;
}

const SERIAL: Readonly<Record<string, string>> = { serial: 'integer', bigserial: 'bigint', smallserial: 'smallint' };

/** `serial` is how a column is made, not what it is. */
export function recordType(column: Column): string {
  if (column.read === 'cast') return 'text';
  return SERIAL[column.type.toLowerCase()] ?? column.type;
}
