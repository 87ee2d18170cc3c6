import { Utils, type EntityProperty } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { isKeyScalar, soughtRowKey } from './entity-key.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * Options that make a query more than a look-up: each can leave rows out, add rows, or order them by values that are
 * still pending.
 */
const QUERY_OPTIONS = [
  'fields',
  'exclude',
  'groupBy',
  'having',
  'offset',
  'lockMode',
  'first',
  'last',
  'before',
  'after',
  'unionWhere',
  'populateFilter',
];

/**
 * The rows that a query is about, if it is a look-up: its condition, filters included, is one key or `$in` of keys and
 * nothing else. `undefined` for any other query, which has to see PostgreSQL as it is, and for a key that only
 * PostgreSQL can read or refuse.
 */
export function lookupKeys(
  type: WriteBehindType,
  where: unknown,
  options: Readonly<Record<string, unknown>>,
): RowKey[] | undefined {
  if (QUERY_OPTIONS.some((name) => isGiven(options[name])) || isGiven(options['populate'])) return undefined;
  const values = keyConditions(type, where);
  if (!values || values.length === 0) return undefined;
  if (values.length > 1 && (isGiven(options['orderBy']) || typeof options['limit'] === 'number')) return undefined;
  const keys = values.map((value) => soughtRowKey(type, value));
  return keys.every((key) => key !== undefined) ? [...new Set(keys)] : undefined;
}

/**
 * The keys of a condition: MikroORM names several properties one by one, or all of them at once by their joined names.
 */
function keyConditions(
  { meta: { primaryKeys }, key: { columns } }: WriteBehindType,
  where: unknown,
): unknown[] | undefined {
  if (isKeyScalar(where)) return [where];
  if (where === null || typeof where !== 'object') return undefined;
  const names = Reflect.ownKeys(where);
  const parts = where as Record<string | symbol, unknown>;
  const [name = ''] = names;
  if (names.length === 1 && name === Utils.getPrimaryKeyHash([...primaryKeys]))
    return oneOrIn(parts[name], columns.length);
  if (names.length !== primaryKeys.length || primaryKeys.length === 1) return undefined;
  const joined: Record<string, unknown> = {};
  for (const property of primaryKeys) {
    const width = columns.filter((column) => column.property.name === property).length;
    const values = oneOrIn(parts[property], width);
    if (values?.length !== 1) return undefined;
    joined[property] = values[0];
  }
  return [joined];
}

/**
 * MikroORM puts a single key of several columns into `$in` as it is: the list then holds the parts of one key, not
 * keys.
 */
function oneOrIn(condition: unknown, width: number): unknown[] | undefined {
  if (isKey(condition)) return [condition];
  if (condition === null || typeof condition !== 'object' || Reflect.ownKeys(condition).length !== 1) return undefined;
  const { $in, $eq } = condition as { $in?: unknown; $eq?: unknown };
  if (Array.isArray($in) && $in.every(isKey)) return width > 1 && $in.flat(Infinity).length === width ? [$in] : $in;
  return isKey($eq) ? [$eq] : undefined;
}

/**
 * An array is a key of several columns. `soughtRowKey` checks later that it has as many values as the type has columns.
 */
function isKey(value: unknown): boolean {
  return isKeyScalar(value) || (Array.isArray(value) && value.length > 0 && value.every(isKey));
}

function isGiven(option: unknown): boolean {
  if (option === undefined || option === null || option === false) return false;
  if (Array.isArray(option)) return option.some(isGiven);
  return typeof option !== 'object' || Object.keys(option).length > 0;
}

/** MikroORM's own types that leave a key as it is in the database. */
const PLAIN = new Set(['BigIntType', 'UuidType', 'StringType', 'IntegerType', 'SmallIntType', 'TextType']);

/**
 * True if every part of a key is one value that conditions hold as it is in the database: `em.nativeUpdate()` does not
 * convert keys before the driver gets them.
 */
export function hasPlainKey({ key: { columns } }: WriteBehindType): boolean {
  return columns.every(({ property, leaf }) => property.fieldNames.length === 1 && isPlain(leaf));
}

function isPlain({ customType, runtimeType }: EntityProperty): boolean {
  // A moment may be given as a text, and be rounded by its column.
  if (runtimeType === 'Date') return false;
  return customType === undefined || PLAIN.has(customType.constructor.name);
}
