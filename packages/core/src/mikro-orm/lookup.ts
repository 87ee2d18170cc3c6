import type { RowKey } from '../change/row-key.js';
import { rowKeyIn } from './build-change.js';
import type { WriteBehindType } from './write-behind-type.js';

/** What makes a query more than a look-up: each of these can leave rows out, add some, or order them by what is still pending. */
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
 * The rows that a query is about, if it is a look-up: its condition, filters included, is one key or `$in` of keys and nothing else. Anything else is
 * `undefined`, and has to see PostgreSQL as it is.
 */
export function lookupKeys(
  type: WriteBehindType,
  where: unknown,
  options: Readonly<Record<string, unknown>>,
): RowKey[] | undefined {
  if (QUERY_OPTIONS.some((name) => isGiven(options[name])) || isGiven(options['populate'])) return undefined;
  const values = keyValues(type.key.property.name, where);
  if (!values || values.length === 0) return undefined;
  if (values.length > 1 && (isGiven(options['orderBy']) || typeof options['limit'] === 'number')) return undefined;
  return [...new Set(values.map((value) => rowKeyIn(type, value)))];
}

function keyValues(key: string, where: unknown): unknown[] | undefined {
  if (isScalar(where)) return [where];
  if (where === null || typeof where !== 'object') return undefined;
  const conditions = Reflect.ownKeys(where);
  if (conditions.length !== 1 || conditions[0] !== key) return undefined;
  const condition = (where as Record<string, unknown>)[key];
  if (isScalar(condition)) return [condition];
  if (condition === null || typeof condition !== 'object' || Reflect.ownKeys(condition).length !== 1) return undefined;
  const { $in, $eq } = condition as { $in?: unknown; $eq?: unknown };
  if (Array.isArray($in) && $in.every(isScalar)) return $in;
  return isScalar($eq) ? [$eq] : undefined;
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
}

function isGiven(option: unknown): boolean {
  if (option === undefined || option === null || option === false) return false;
  if (Array.isArray(option)) return option.some(isGiven);
  return typeof option !== 'object' || Object.keys(option).length > 0;
}
