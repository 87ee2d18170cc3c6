import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { guard, sameKey } from './guard.js';
import { Mask } from './mask.js';
import { assigned, plusDelta, writtenProperties } from './properties.js';
import { quoted, tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Statement } from './record-set.js';
import { versionText, type VersionFormat } from './version-format.js';
import { versionAssignment } from './update-rows.js';

/**
 * Writes a row that was deleted and inserted again before a flush, as one update: a column that the new row does not
 * name takes its default, as in an insert. All items have the same properties. Differences of counters without a value
 * are not included (see `writeRows`).
 */
export function replaceRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  const mask = new Mask(items);
  const written = new Map(writtenProperties(table, items).map((property) => [property.column.property, property]));
  const assignments = Object.entries(table.columns).map(([property, column]) => {
    const ours = written.get(property);
    const value = ours?.value === undefined ? 'default' : plusDelta(assigned(ours), ours.delta);
    return `${quoted(column.name)} = ${value}`;
  });
  const version = versionAssignment(items, format, mask);
  const guarded = guard(table, items, format, mask);
  const fields = [
    ...keyFields(table.key),
    ...mask.fields(),
    ...guarded.fields,
    ...version.fields,
    ...[...written.values()].flatMap(({ value, delta }) =>
      value === undefined ? [] : [value, ...(delta === undefined ? [] : [delta])],
    ),
  ];
  const set = [...assignments, ...version.assignments];
  const key = quoted(table.key[0]?.name ?? '');
  const text = `update ${tableName(table)} as t
set ${(set.length === 0 ? [`${key} = t.${key}`] : set).join(',\n    ')}
from ${recordSet(fields)}
where ${[sameKey(table), ...guarded.conditions].join(' and ')}
returning s.i, ${versionText(table, format)} as v`;
  return { text, json: recordsJson(items, fields) };
}
