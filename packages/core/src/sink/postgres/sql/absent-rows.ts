import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { sameKey } from './guard.js';
import { tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Statement } from './record-set.js';

/** The positions of rows that the database does not have. */
export function absentRows(table: Table, items: readonly Item[]): Statement {
  const fields = keyFields(table.key);
  const text = `select s.i from ${recordSet(fields)}
where not exists (select from ${tableName(table)} as t where ${sameKey(table)})`;
  return { text, json: recordsJson(items, fields) };
}
