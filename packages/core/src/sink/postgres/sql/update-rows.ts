import type { Column, Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { guard, sameKey } from './guard.js';
import { Mask } from './mask.js';
import { assigned, isUnmeantMoment, plusDelta, writtenProperties } from './properties.js';
import { ofRow, quoted, tableName } from './quote.js';
import { keyFields, own, recordSet, recordsJson, type Field, type Statement } from './record-set.js';
import { versionText, type VersionFormat } from './version-format.js';

/**
 * Updates and increments of one table in one statement, whatever properties each row has. Returns position and version
 * of the written rows.
 */
export function updateRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  const mask = new Mask(items);
  const written = writtenProperties(table, items);
  const assignments = written.map((property) => {
    const { column, value, delta } = property;
    const row = ofRow(column);
    if (value === undefined) return `${quoted(column.name)} = ${plusDelta(row, delta)}`;
    const has = mask.condition(({ record }) => own(record.values, column.property) !== undefined);
    const ours = keepsLater(table, column, items) ? `greatest(${row}, ${assigned(property)})` : assigned(property);
    const base = has === undefined ? ours : `case when ${has} then ${ours} else ${row} end`;
    return `${quoted(column.name)} = ${plusDelta(base, delta)}`;
  });
  const version = versionAssignment(items, format, mask);
  const guarded = guard(table, items, format, mask);
  const fields = [
    ...keyFields(table.key),
    ...mask.fields(),
    ...guarded.fields,
    ...version.fields,
    ...written.flatMap(({ value, delta }) => [value, delta].filter((field) => field !== undefined)),
  ];
  const set = [...assignments, ...version.assignments];
  const text = `update ${tableName(table)} as t
set ${(set.length === 0 ? [nothing(table)] : set).join(',\n    ')}
from ${recordSet(fields)}
where ${[sameKey(table), ...guarded.conditions].join(' and ')}
returning s.i, ${versionText(table, format)} as v`;
  return { text, json: recordsJson(items, fields) };
}

/** True for a moment that comes with increments, which compare no version: the row may have a later moment. */
function keepsLater(table: Table, column: Column, items: readonly Item[]): boolean {
  return isUnmeantMoment(table, column) && items.every(({ record }) => record.kind === 'increment');
}

/**
 * The row's new version. Increments leave it as it is. An update without a version has not seen the row. It raises the
 * row's version, because other writers with that version have not seen the update.
 */
export function versionAssignment(
  items: readonly Item[],
  format: VersionFormat | undefined,
  mask: Mask,
): { fields: Field[]; assignments: string[] } {
  if (format === undefined) return { fields: [], assignments: [] };
  const current = `t.${format.name}`;
  const isBlind = items.some(isUnseen) ? mask.condition(isUnseen) : 'false';
  const unstated = raisedWhere(isBlind, current, format);
  if (!items.some(({ record }) => record.version !== undefined))
    return { fields: [], assignments: unstated === current ? [] : [`${format.name} = ${unstated}`] };
  const field: Field = {
    name: 'v',
    type: format.type,
    text: ({ record }) => (record.version === undefined ? undefined : format.json(record.version)),
  };
  return { fields: [field], assignments: [`${format.name} = coalesce(${format.value('s.v')}, ${unstated})`] };
}

function isUnseen({ record }: Item): boolean {
  return record.kind === 'update' && record.version === undefined;
}

function raisedWhere(condition: string | undefined, current: string, format: VersionFormat): string {
  if (condition === 'false') return current;
  const next = format.next(current);
  return condition === undefined ? next : `case when ${condition} then ${next} else ${current} end`;
}

/** An update has to set something. A record without any change still has to learn whether its row exists. */
function nothing(table: Table): string {
  const name = quoted(table.key[0]?.name ?? '');
  return `${name} = t.${name}`;
}
