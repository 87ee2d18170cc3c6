import { nameOf } from './column-type.js';
import type { Conversion } from './conversion.js';
import { dateText, type DateOptions } from './moment-text.js';

/**
 * A value that only its column's type understands: it travels as the text of the literal that MikroORM would have
 * written, and comes back as PostgreSQL shows it. This form is known only once the value is written.
 */
export function opaqueValue(type: string, options: DateOptions): Conversion {
  const takesNumbers = NUMBERS.has(nameOf(type));
  return {
    takes: (value) => {
      if (typeof value === 'string') return !isVolatile(value);
      if (value instanceof Date) return !Number.isNaN(value.getTime());
      return value instanceof Uint8Array || (takesNumbers && isNumber(value));
    },
    write: (value) => JSON.stringify(literalText(value, options)),
    read: (text) => JSON.parse(text) as unknown,
    isExact: () => false,
  };
}

/**
 * Words that PostgreSQL reads anew each time: `'tomorrow'` is another day when it is written than when it was meant.
 * They may stand in a range, or in an array.
 */
export function isVolatile(text: string): boolean {
  return VOLATILE.test(text);
}

const VOLATILE = /^[\s[({"']*(?:now|today|tomorrow|yesterday)\b|[,"]\s*(?:now|today|tomorrow|yesterday)\b/i;

/**
 * Types into which PostgreSQL converts numbers as it reads their texts. To other types (`interval`) a number means
 * something else than its text, or nothing.
 */
const NUMBERS: ReadonlySet<string> = new Set(['money', 'oid']);

function isNumber(value: unknown): boolean {
  return (typeof value === 'bigint' || typeof value === 'number') && /^-?\d+(?:\.\d+)?$/.test(String(value));
}

/** @throws TypeError for an object, which has no literal. */
function literalText(value: unknown, options: DateOptions): string {
  if (typeof value === 'string') return value.toWellFormed();
  if (value instanceof Date) return dateText(value, options);
  if (ArrayBuffer.isView(value)) return `\\x${Buffer.from(value as Uint8Array).toString('hex')}`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  throw new TypeError(
    'A write-behind property has an object as its database value, which this column type cannot read. Let convertToDatabaseValue of its type answer the text that PostgreSQL reads',
  );
}

/**
 * Types that PostgreSQL shows in another form than it was given (`'1 week'` is `7 days`), by rules that Spillway does
 * not copy.
 */
export const OPAQUE_TYPES: ReadonlySet<string> = new Set([
  'money',
  'interval',
  'timetz',
  'timestamp',
  'timestamptz',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'bit',
  'varbit',
  'tsvector',
  'tsquery',
  'xml',
  'point',
  'line',
  'lseg',
  'box',
  'path',
  'polygon',
  'circle',
  'int4range',
  'int8range',
  'numrange',
  'tsrange',
  'tstzrange',
  'daterange',
  'int4multirange',
  'int8multirange',
  'nummultirange',
  'tsmultirange',
  'tstzmultirange',
  'datemultirange',
  'hstore',
  'ltree',
  'lquery',
  'ltxtquery',
  'cube',
  'vector',
  'halfvec',
  'sparsevec',
  'name',
  'oid',
  'pg_lsn',
]);
