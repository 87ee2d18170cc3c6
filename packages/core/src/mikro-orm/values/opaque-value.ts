import type { Conversion } from './conversion.js';
import { dateText, type DateOptions } from './moment-text.js';

/**
 * A value that only its column's type understands: it travels as the text of the literal that MikroORM would have written, and comes back as PostgreSQL shows it. What that will be is
 * known once it is written.
 */
export function opaqueValue(options: DateOptions): Conversion {
  return {
    write: (value) => JSON.stringify(literalText(value, options)),
    read: (text) => JSON.parse(text) as unknown,
    isExact: () => false,
  };
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

/** Types that PostgreSQL writes in another way than it was told (`'1 week'` is `7 days`), in ways that nobody should copy. */
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
