import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { guard, sameKey } from './guard.js';
import { Mask } from './mask.js';
import { tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Statement } from './record-set.js';
import { versionText, type VersionFormat } from './version-format.js';

/** Returns position and last version of the rows that were deleted. */
export function deleteRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  const mask = new Mask(items);
  const guarded = guard(table, items, format, mask);
  const fields = [...keyFields(table.key), ...mask.fields(), ...guarded.fields];
  const text = `delete from ${tableName(table)} as t
using ${recordSet(fields)}
where ${[sameKey(table), ...guarded.conditions].join(' and ')}
returning s.i, ${versionText(table, format)} as v`;
  return { text, json: recordsJson(items, fields) };
}
