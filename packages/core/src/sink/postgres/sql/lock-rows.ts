import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { sameKey } from './guard.js';
import { tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Statement } from './record-set.js';

/** Locks the free rows, and returns the positions of existing rows that another transaction has locked. */
export function lockRows(table: Table, items: readonly Item[], strength: 'update' | 'no key update'): Statement {
  const fields = keyFields(table.key);
  const text = `with s as (select * from ${recordSet(fields)}),
got as materialized (select s.i from ${tableName(table)} as t join s on ${sameKey(table)} for ${strength} of t skip locked)
select s.i from s
where not exists (select from got where got.i = s.i) and exists (select from ${tableName(table)} as t where ${sameKey(table)})`;
  return { text, json: recordsJson(items, fields) };
}
