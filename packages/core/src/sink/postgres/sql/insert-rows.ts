import type { Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { sameKey } from './guard.js';
import { assigned, plusDelta, writtenProperties } from './properties.js';
import { quoted, tableName } from './quote.js';
import { keyFields, recordSet, recordsJson, type Field, type Statement } from './record-set.js';
import type { VersionFormat } from './version-format.js';

/**
 * Inserts with the same set of properties: an absent column takes the table's default. A row whose primary key exists
 * is skipped and not returned. Any other unique violation is an error, because `on conflict` names the primary key.
 */
export function insertRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  const parts = insertParts(table, items, format);
  return statement(table, parts, table.keyIsDeferrable ? [absentRows(parts)] : [namedRows(parts, 'nothing')]);
}

/** The same for rows that may exist already: existing rows get the given properties, and a version of their own. */
export function upsertRows(table: Table, items: readonly Item[], format: VersionFormat | undefined): Statement {
  const parts = insertParts(table, items, format);
  if (table.keyIsDeferrable) {
    const update = `update ${parts.table} as t set ${overwritten(parts, ({ value }) => value).join(', ')} from s where ${sameKey(table)}`;
    return statement(table, parts, [update, absentRows(parts)]);
  }
  const update = overwritten(parts, ({ name }) => `excluded.${name}`);
  return statement(table, parts, [namedRows(parts, `update set ${update.join(', ')}`)]);
}

interface Assigned {
  /** The column, quoted. */
  readonly name: string;
  /** In terms of the record set. */
  readonly value: string;
}

interface InsertParts {
  /** Quoted. */
  readonly table: string;
  readonly keys: readonly Assigned[];
  readonly version: Assigned | undefined;
  readonly values: readonly Assigned[];
  readonly format: VersionFormat | undefined;
  readonly isAbsent: string;
  readonly fields: readonly Field[];
  readonly json: string;
}

function insertParts(table: Table, items: readonly Item[], format: VersionFormat | undefined): InsertParts {
  const written = writtenProperties(table, items).filter(({ value }) => value !== undefined);
  const version = insertedVersion(items, format);
  const keys = keyFields(table.key);
  const fields = [
    ...keys,
    ...(version === undefined ? [] : [version.field]),
    ...written.flatMap(({ value, delta }) => [value, delta].filter((field) => field !== undefined)),
  ];
  return {
    table: tableName(table),
    keys: table.key.map(({ name }, position) => ({ name: quoted(name), value: `s.k${position}` })),
    version: version && { name: version.name, value: version.value },
    values: written.map((property) => ({
      name: quoted(property.column.name),
      value: plusDelta(assigned(property), property.delta),
    })),
    format,
    isAbsent: `not exists (select from ${tableName(table)} as t where ${sameKey(table)})`,
    fields,
    json: recordsJson(items, fields),
  };
}

/** The rows that these statements write; no row is written by two of them. */
function statement(table: Table, { keys, format, fields, json }: InsertParts, writes: readonly string[]): Statement {
  const version = format === undefined ? 'null' : format.text(`t.${format.name}`);
  const returning = `returning ${keys.map(({ name }, position) => `t.${name} as k${position}`).join(', ')}, ${version} as v`;
  const parts = writes.map((write, position) => `w${position} as (\n  ${write}\n  ${returning}\n)`);
  const written = writes.map((_, position) => `select * from w${position}`).join(' union all ');
  const text = `with s as (select * from ${recordSet(fields)}),
${parts.join(',\n')}
select s.i, w.v from (${written}) as w join s on ${keys.map((_, position) => `w.k${position} = s.k${position}`).join(' and ')}`;
  return { text, json };
}

function namedRows(parts: InsertParts, action: string): string {
  const key = parts.keys.map(({ name }) => name).join(', ');
  return `${insertFrom(parts)}\n  on conflict (${key}) do ${action}`;
}

/**
 * For a key that `on conflict` cannot name. If another transaction inserts the row meanwhile, the statement fails with
 * a unique violation, and the next try finds the row.
 */
function absentRows(parts: InsertParts): string {
  return `${insertFrom(parts)}\n  where ${parts.isAbsent}`;
}

function insertFrom({ table, keys, version, values }: InsertParts): string {
  const columns = [...keys, ...(version === undefined ? [] : [version]), ...values];
  return `insert into ${table} as t (${columns.map(({ name }) => name).join(', ')})
  select ${columns.map(({ value }) => value).join(', ')} from s`;
}

function insertedVersion(
  items: readonly Item[],
  format: VersionFormat | undefined,
): (Assigned & { readonly field: Field }) | undefined {
  if (format === undefined || items[0]?.record.version === undefined) return undefined;
  const field: Field = {
    name: 'v',
    type: format.type,
    text: ({ record }) => (record.version === undefined ? undefined : format.json(record.version)),
  };
  return { field, name: format.name, value: format.value('s.v') };
}

/**
 * An upsert overwrites a row that it has not seen. It raises the version above the row's, so that other writers notice;
 * and at least to the version that readers of the record were told.
 */
function overwritten(
  { values, version, keys, format }: InsertParts,
  valueOf: (assigned: Assigned) => string,
): string[] {
  const set = values.map((each) => `${each.name} = ${valueOf(each)}`);
  if (format !== undefined) {
    const next = format.next(`t.${format.name}`);
    set.push(`${format.name} = ${version === undefined ? next : `greatest(${valueOf(version)}, ${next})`}`);
  }
  if (set.length === 0 && keys[0] !== undefined) set.push(`${keys[0].name} = ${valueOf(keys[0])}`);
  return set;
}
