import { Utils } from '@mikro-orm/core';
import type { JsonText } from '../../change/change.js';
import { arrayValue } from './array-value.js';
import { canonicalType, elementOf, lengthOf, nameOf, scaleOf } from './column-type.js';
import { dateValue } from './date-value.js';
import type { DateOptions } from './moment-text.js';
import { OPAQUE_TYPES, opaqueValue } from './opaque-value.js';
import type { Conversion } from './conversion.js';
import { decimalText, unitsOf } from './counter-delta.js';
import { knownUuid, uuidText } from './key-text.js';

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

/**
 * Types for which Spillway knows PostgreSQL's answer for (most) written values, so that they can be read while they are
 * pending.
 */
function plainValue(type: string): Conversion | undefined {
  return CONVERSIONS[nameOf(type)]?.(type);
}

const always = (): boolean => true;
const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

const integers: Conversion = {
  takes: (value) =>
    isNumber(value) || typeof value === 'bigint' || (isText(value) && value.length <= INT64_LENGTH && isWhole(value)),
  write: wholeText,
  read: (text) => Number(unquoted(text)),
  isExact: (text) => isWhole(unquoted(text)),
};

const floats = (isExact: Conversion['isExact']): Conversion => ({
  takes: (value) => isNumber(value) || typeof value === 'bigint' || (isText(value) && isFloat(value)),
  write: floatText,
  read: (text) => Number(unquoted(text)),
  isExact,
});

/** @param isForm true for texts that PostgreSQL reads in one way only; other texts are left to it */
function texts(isExact: (text: string) => boolean, isForm: (text: string) => boolean = always): Conversion {
  return {
    takes: (value) => isText(value) && isForm(value),
    write: (value) => JSON.stringify(String(value).toWellFormed()),
    read: (text) => JSON.parse(text) as unknown,
    isExact: (text) => isExact(JSON.parse(text) as string),
  };
}

const json: Conversion = {
  takes: (value) => isText(value) || Utils.isPlainObject(value),
  // The snapshot holds the JSON as text; the driver answers it parsed.
  write: (value) => JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value)),
  read: (text) => parsedJson(JSON.parse(text) as string),
  isExact: always,
};

const CONVERSIONS: Readonly<Record<string, (type: string) => Conversion>> = {
  smallint: () => integers,
  integer: () => integers,
  // The text of the number itself: no double comes near it.
  bigint: () => ({ ...integers, read: unquoted }),
  'double precision': () => floats(always),
  // Four bytes hold six digits of any number; only PostgreSQL knows how many more are left.
  real: () =>
    floats((text) => !/\d/.test(text) || Number(unquoted(text)) === Number(Number(unquoted(text)).toPrecision(6))),
  boolean: () => ({
    takes: (value) => typeof value === 'boolean' || value === 'true' || value === 'false',
    write: (value) => (typeof value === 'boolean' ? String(value) : JSON.stringify(String(value))),
    read: (text) => unquoted(text) === 'true',
    isExact: (text) => /^(true|false)$/.test(unquoted(text)),
  }),
  numeric: (type) => ({
    ...texts((text) => isExactDecimal(text, type)),
    takes: (value) => isNumber(value) || typeof value === 'bigint' || (isText(value) && isDecimal(value)),
    write: (value) => decimalOf(value, type),
  }),
  text: () => texts(always),
  citext: () => texts(always),
  varchar: (type) => texts((text) => codePoints(text) <= (lengthOf(type) ?? Infinity)),
  // Shorter texts are filled up with blanks.
  char: (type) => texts((text) => codePoints(text) === lengthOf(type)),
  uuid: () => ({
    ...texts(
      (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
      (text) => knownUuid(text) !== undefined,
    ),
    write: (value) => JSON.stringify(uuidText(value)),
  }),
  // PostgreSQL refuses 30 February.
  date: () =>
    texts(
      (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !text.startsWith('0000'),
      (text) => DATE.test(text),
    ),
  time: () =>
    texts(
      (text) => /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/.test(text),
      (text) => TIME.test(text),
    ),
  json: () => json,
  jsonb: () => json,
  bytea: () => ({
    takes: (value) => value instanceof Uint8Array,
    write: (value) => JSON.stringify(`\\x${Buffer.from(value as Uint8Array).toString('hex')}`),
    read: (text) => Buffer.from((JSON.parse(text) as string).slice(2), 'hex'),
    isExact: always,
  }),
};

/** The column types that are known by name. Arrays of them are known too. */
export const COLUMN_TYPES: ReadonlySet<string> = new Set([...Object.keys(CONVERSIONS), ...OPAQUE_TYPES]);

const PLAIN_DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const DECIMAL = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?|NaN)$/i;
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;
const DATE = /^(?:\d{4,6}-\d{1,2}-\d{1,2}(?: BC)?|-?infinity)$/;
const TIME = /^\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?$/;

/** Digits and exponent of a text have a bound before it is read as a number. */
const LONGEST_NUMBER = 1_000;
const INT64_LENGTH = 20;

function isDecimal(text: string): boolean {
  return text.length <= LONGEST_NUMBER && DECIMAL.test(text);
}

/**
 * True for a number that a double holds. PostgreSQL refuses a number that is too large, or so small that it would
 * become zero.
 */
function isFloat(text: string): boolean {
  if (text.length > LONGEST_NUMBER || !FLOAT.test(text)) return false;
  const number = Number(text);
  return Number.isFinite(number) && (number !== 0 || !/^[+-]?[.0]*[1-9]/.test(text));
}

/** True if PostgreSQL will show these very digits. */
function isExactDecimal(text: string, type: string): boolean {
  const scale = scaleOf(type) ?? 0;
  return text.length <= LONGEST_NUMBER && PLAIN_DECIMAL.test(text) && !/^-[0.]*$/.test(text) && scale >= 0;
}

/** PostgreSQL refuses a text that is no JSON. Until then it is read as it is. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function isWhole(text: string): boolean {
  return /^(?:0|-?[1-9]\d*)$/.test(text);
}

/**
 * A value that is no whole number travels as a JSON text, which PostgreSQL then refuses to read as a number. Put into
 * the JSON as it is, it could end its own value and go on with those of other columns and rows. A number with digits
 * after the point is rounded, as a numeric literal is when it is stored.
 */
function wholeText(value: unknown): JsonText {
  const text = typeof value === 'number' ? String(unitsOf(value, 0) ?? value) : String(value);
  return isWhole(text) ? text : JSON.stringify(text);
}

function unquoted(text: JsonText): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

/** The number as PostgreSQL would answer it: a reader must see the same digits before the flush and after it. */
function decimalOf(value: unknown, type: string): JsonText {
  const text = String(value);
  const scale = scaleOf(type) ?? -1;
  const isPlain = text.length <= LONGEST_NUMBER && /^-?\d+(?:\.\d+)?$/.test(text);
  const units = scale >= 0 && isPlain ? unitsOf(text, scale) : undefined;
  return JSON.stringify(units === undefined ? text : decimalText(units, scale));
}

/** A text travels as it is: PostgreSQL reads it, or refuses it. */
function floatText(value: unknown): JsonText {
  if (typeof value !== 'number' && typeof value !== 'bigint') return JSON.stringify(String(value));
  const number = Number(value);
  // Minus zero is zero: in SQL it is a whole number with a sign.
  return Number.isFinite(number) ? String(number) : `"${number}"`;
}

/** The number of characters, as PostgreSQL counts them. */
function codePoints(text: string): number {
  return Array.from(text).length;
}
