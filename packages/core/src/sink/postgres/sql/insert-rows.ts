import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { assigned, plusDelta, writtenProperties, type Written } from './properties.js';
import { quoted, tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Field, type Statement } from './record-set.js';
import type { VersionFormat } from './version-format.js';

/**
 * Inserts with the same set of properties: an absent column takes the table's default. A row whose primary key exists is left alone and not returned; any other
 * unique violation is an error, because `on conflict` names the primary key.
 */
export function insertRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  return insertStatement(table, items, format, () => 'nothing');
}

/** The same for rows that may exist already: they get the given properties and a version of their own. */
export function upsertRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  return insertStatement(
    table,
    items,
    format,
    (written) => `update set ${overwritten(table, written, items, format).join(', ')}`,
  );
}

function insertStatement(
  table: Table,
  items: readonly Item[],
  format: VersionFormat | undefined,
  onConflict: (written: readonly Written[]) => string,
): Statement {
  const written = writtenProperties(table, items).filter(({ value }) => value !== undefined);
  const version = insertedVersion(items, format);
  const keys = keyFields(table.key);
  const fields = [
    ...keys,
    ...version.fields,
    ...written.flatMap(({ value, delta }) => [value, delta].filter((field) => field !== undefined)),
  ];
  const columns = [
    ...table.key.map(({ name }) => quoted(name)),
    ...version.columns,
    ...written.map(({ column }) => quoted(column.name)),
  ];
  const values = [
    ...keys.map(({ name }) => `s.${name}`),
    ...version.values,
    ...written.map((property) => plusDelta(assigned(property), property.delta)),
  ];
  const key = table.key.map(({ name }) => quoted(name));
  const text = `with s as (select * from ${recordSet(fields)}),
w as (
  insert into ${tableName(table)} as t (${columns.join(', ')})
  select ${values.join(', ')} from s
  on conflict (${key.join(', ')}) do ${onConflict(written)}
  returning ${key.map((name, position) => `t.${name} as k${position}`).join(', ')}, ${format === undefined ? 'null' : format.text(`t.${format.name}`)} as v
)
select s.i, w.v from w join s on ${key.map((_, position) => `w.k${position} = s.k${position}`).join(' and ')}`;
  return { text, json: recordsJson(items, fields) };
}

function insertedVersion(
  items: readonly Item[],
  format: VersionFormat | undefined,
): { fields: Field[]; columns: string[]; values: string[] } {
  if (format === undefined || items[0]?.record.version === undefined) return { fields: [], columns: [], values: [] };
  const field: Field = {
    name: 'v',
    type: format.type,
    text: ({ record }) => (record.version === undefined ? undefined : format.json(record.version)),
  };
  return { fields: [field], columns: [format.name], values: [format.value('s.v')] };
}

/** Whoever overwrites a row that he has not seen raises its version from what it is, or others would not notice; and to what readers of the record have been told that it is. */
function overwritten(
  table: Table,
  written: readonly Written[],
  items: readonly Item[],
  format: VersionFormat | undefined,
): string[] {
  const columns = written.map(({ column }) => quoted(column.name));
  const set = columns.map((name) => `${name} = excluded.${name}`);
  if (format !== undefined) set.push(`${format.name} = ${raised(items, format)}`);
  const key = quoted(table.key[0]?.name ?? '');
  return set.length > 0 ? set : [`${key} = excluded.${key}`];
}

function raised(items: readonly Item[], format: VersionFormat): string {
  const next = format.next(`t.${format.name}`);
  return items[0]?.record.version === undefined ? next : `greatest(excluded.${format.name}, ${next})`;
}
