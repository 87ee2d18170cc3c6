import type { JsonText } from '../../change/change.js';
import { arrayValue } from './array-value.js';
import { canonicalType, elementOf, nameOf } from './column-type.js';
import type { Conversion } from './conversion.js';
import { dateValue } from './date-value.js';
import type { DateOptions } from './moment-text.js';
import { OPAQUE_TYPES, opaqueValue } from './opaque-value.js';
import { PLAIN_TYPES, plainValue } from './plain-value.js';

/**
 * How a value travels: from MikroORM's snapshot (database form, by property) to the JSON text that PostgreSQL reads
 * with the column's type, and back to the value that the driver would have answered for that column.
 */
export interface ColumnValue {
  /** As PostgreSQL writes it: `integer`, `numeric(10,2)`, `text[]`. */
  readonly type: string;
  readonly read: 'direct' | 'cast';
  /**
   * True if PostgreSQL reads a value of this form in one way only. The staged value is then stored, or refused, as
   * MikroORM's own statement would store or refuse it. A value that is not taken (a text for a boolean, `'12,50'` or
   * `true` for a number, `'tomorrow'` for a date) is never staged: MikroORM writes it by SQL, or PostgreSQL tells why
   * not.
   */
  takes(value: unknown): boolean;
  toText(value: unknown): JsonText;
  toRow(text: JsonText): unknown;
  /**
   * True if `toRow` is certainly the value that the driver will answer once this is written. Otherwise readers let it
   * be written first.
   */
  isExact(text: JsonText): boolean;
}

export type ColumnValueOptions = DateOptions;

/**
 * The type of the value that the entity has in such a property. A `Date` is a `Date` in the driver's rows and in the
 * snapshot too. A `string` is a text whatever its column is, so that even a type that Spillway has never heard of (a
 * domain, an extension's) reads it as it reads any literal.
 */
export type ColumnContent = 'Date' | 'string' | 'other';

/** The column types that are known by name. Arrays of them are known too. */
export const COLUMN_TYPES: ReadonlySet<string> = new Set([...PLAIN_TYPES, ...OPAQUE_TYPES]);

/** The value of a column of this type with such content, or `undefined` if Spillway does not know the combination. */
export function columnValue(
  declared: string,
  content: ColumnContent,
  options: ColumnValueOptions,
): ColumnValue | undefined {
  const type = canonicalType(declared);
  const known = conversionOf(type, content, options);
  if (known) return columnValueOf(type, readOf(type), known);
  const isNamed = content === 'string' && declared.trim() !== '';
  return isNamed ? columnValueOf(declared.trim(), 'direct', opaqueValue(declared.trim(), options)) : undefined;
}

/**
 * An enumerated type of the database, or an array of it, by the name that it was created with. Only its own labels are
 * stored.
 */
export function enumValue(name: string, isArray: boolean): ColumnValue {
  const quoted = name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
  const label = plainValue('text');
  if (!label) throw new TypeError('text is a plain type');
  return isArray
    ? columnValueOf(`${quoted}[]`, 'direct', arrayValue('text', label))
    : columnValueOf(quoted, 'direct', label);
}

function columnValueOf(
  type: string,
  read: ColumnValue['read'],
  { takes, write, read: parse, isExact }: Conversion,
): ColumnValue {
  return {
    type,
    read,
    takes: (value) => value === null || value === undefined || takes(value),
    toText: (value) => (value === null || value === undefined ? 'null' : write(value)),
    toRow: (text) => (text === 'null' ? null : parse(text)),
    isExact: (text) => text === 'null' || isExact(text),
  };
}

function conversionOf(type: string, content: ColumnContent, options: ColumnValueOptions): Conversion | undefined {
  const element = elementOf(type);
  if (content === 'Date') return element === undefined ? dateValue(type, options) : undefined;
  if (element === undefined)
    return plainValue(type) ?? (OPAQUE_TYPES.has(nameOf(type)) ? opaqueValue(type, options) : undefined);
  const values = plainValue(element);
  if (values && type === `${element}[]`) return arrayValue(element, values);
  return values || OPAQUE_TYPES.has(nameOf(element)) ? opaqueValue(type, options) : undefined;
}

/** In a set of records, null and 'null' of a json column are one value; as text they are two. */
function readOf(type: string): ColumnValue['read'] {
  return type === 'json' || type === 'jsonb' ? 'cast' : 'direct';
}
