import type { Column, Table } from '../../table.js';
import type { Item } from '../plan/item.js';
import { sameKey } from './guard.js';
import { isUnmeantMoment, writtenProperties } from './properties.js';
import { ofRow, tableName } from './quote.js';
import { keyFields, originalField, recordSet, recordsJson, valueOf, type Statement } from './record-set.js';
import { unequal } from './unequal.js';
import { versionText, type VersionFormat } from './version-format.js';

/**
 * A statement, and the order of its columns: position, version, the database's value of every property, then the flags
 * of the properties in `changed`, `agreed` and `later`.
 */
export interface ReadStatement extends Statement {
  readonly properties: readonly string[];
  readonly changed: readonly string[];
  readonly agreed: readonly string[];
  /** Moments that MikroORM sets with every update. The flag is set if the database has a later one. */
  readonly later: readonly string[];
}

/**
 * Reads and locks the rows of a conflict. PostgreSQL decides whether a value has changed since it was loaded, or is the
 * wanted one already: only the column's own type knows which values are equal.
 *
 * @param locks `look`: the rows are not locked
 */
export function readRows(
  table: Table,
  items: readonly Item[],
  format: VersionFormat | undefined,
  locks: 'lock' | 'look' = 'lock',
): ReadStatement {
  const properties = Object.entries(table.columns);
  const written = writtenProperties(table, items, 'values');
  const loaded = new Set(items.flatMap(({ record }) => Object.keys(record.originals)));
  const isMeant = (property: string): boolean => table.onUpdate?.includes(property) !== true;
  const moments = written.filter(({ column }) => isUnmeantMoment(table, column));
  const compared = properties
    .filter(([property]) => loaded.has(property) && isMeant(property))
    .map(([, column], position) => ({ column, field: originalField(`o${position}`, column) }));
  const fields = [
    ...keyFields(table.key),
    ...written.flatMap(({ value }) => (value === undefined ? [] : [value])),
    ...compared.map(({ field }) => field),
  ];
  const columns = [
    's.i',
    versionText(table, format),
    ...properties.map(([, column]) => jsonOf(column)),
    ...compared.map(({ column, field }) => unequal(column, ofRow(column), field.name)),
    ...written.map(({ column, value }) => `not (${unequal(column, ofRow(column), value?.name ?? '')})`),
    ...moments.map(({ column, value }) => `coalesce(${ofRow(column)} > ${valueOf(value?.name ?? '', column)}, false)`),
  ];
  // Each column gets its own name: a driver that answers rows as objects keeps one column per name.
  const text = `select ${columns.map((column, position) => `${column} as r${position}`).join(',\n  ')}
from ${tableName(table)} as t
join ${recordSet(fields)} on ${sameKey(table)}${locks === 'lock' ? '\nfor update of t' : ''}`;
  return {
    text,
    json: recordsJson(items, fields),
    properties: properties.map(([property]) => property),
    changed: compared.map(({ column }) => column.property),
    agreed: written.map(({ column }) => column.property),
    later: moments.map(({ column }) => column.property),
  };
}

/**
 * A value as the JSON text that the record set reads back as the same value. Values travel in PostgreSQL's text form:
 * null and 'null' stay two things, no digit is lost to a double, and no extension's own form of JSON is used. Types
 * that are staged in a form of JSON are the exception. `concat` shows a value as a client sees it; a cast to text would
 * add a mask to an `inet`, and remove the blanks of a `char`.
 */
function jsonOf(column: Column): string {
  const value = ofRow(column);
  const json = HAS_JSON_FORM.test(column.type) ? value : `concat(${value})`;
  return `case when ${value} is null then 'null' else to_json(${json})::text end`;
}

const HAS_JSON_FORM = /^(smallint|integer|real|double precision|boolean)\b(?!.*\[)/;
