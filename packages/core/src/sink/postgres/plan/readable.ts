import { CONFLICT, type StagedRecord } from '../../../change/record.js';
import type { Table } from '../../table.js';

const VERSION = /^\d{1,19}$/;
const DELTA = /^-?\d{1,19}$/;

/**
 * Why a record cannot be written with this table, or nothing. A property that the table does not know is not left out silently: a partial row would be
 * worse than a dead letter. What is checked here ends up in SQL text or arithmetic; values are checked by PostgreSQL.
 */
export function whyNotWritable(record: StagedRecord, key: readonly string[], table: Table): string | undefined {
  if (key.length !== table.key.length)
    return `The row key has ${key.length} parts, the primary key of ${table.entity} has ${table.key.length}.`;
  for (const properties of [record.values, record.originals]) {
    for (const property in properties) {
      if (!isKnown(property, table)) return unknown(property, table);
    }
  }
  for (const property in record.deltas) {
    if (!Object.hasOwn(table.counters, property) || !Object.hasOwn(table.columns, property))
      return unknown(property, table);
    if (!DELTA.test(record.deltas[property] ?? '')) return `The difference of "${property}" is no whole number.`;
  }
  if (record.version !== undefined && !VERSION.test(record.version)) return 'The version is no whole number.';
  if (record.base !== undefined && record.base !== CONFLICT && !VERSION.test(record.base))
    return 'The base version is no whole number.';
  return undefined;
}

/** The key and the version may be among the values: they are taken from the row key and from the record's head. */
function isKnown(property: string, table: Table): boolean {
  return (
    Object.hasOwn(table.columns, property) ||
    table.version?.column.property === property ||
    table.key.some((column) => column.property === property)
  );
}

function unknown(property: string, table: Table): string {
  return `Property "${property}" of ${table.entity} is not known to this process as ${Object.hasOwn(table.columns, property) ? 'a counter' : 'a column'}.`;
}
