import type { JsonText, VersionText } from '../../../change/change.js';
import type { Table } from '../../table.js';
import { ofRow, quoted } from './quote.js';
import { recordType } from './record-set.js';

/**
 * The forms of a version on its way: as staged -> record set -> column -> text that PostgreSQL returns -> as staged.
 */
export interface VersionFormat {
  /** The column, quoted. */
  readonly name: string;
  /** Type in the record set. */
  readonly type: string;
  json(version: VersionText): JsonText;
  /** A field of the record set as a value of the column. */
  value(field: string): string;
  /** The column of a row as the text that is returned. */
  text(column: string): string;
  /** The text that is returned for this version. */
  shown(version: VersionText): string;
  parse(shown: string): VersionText;
  /** The smallest later value, in SQL. */
  next(column: string): string;
}

/** The form in which the ORM writes a `Date` into a `timestamp without time zone`: the wall time of some zone. */
export interface WallTime {
  /** `YYYY-MM-DD HH:MM:SS.mmm` */
  format(ms: number): string;
  parse(text: string): number;
}

export function versionFormat(table: Table, wallTime: WallTime): VersionFormat | undefined {
  if (table.version === undefined) return undefined;
  const { column, kind } = table.version;
  const name = quoted(column.name);
  if (kind === 'integer') return { name, type: recordType(column), ...INTEGER };
  return isZoned(column.type) ? { name, ...INSTANT } : { name, ...wall(wallTime) };
}

/** The version of the row being written, or null where the table has none. */
export function versionText(table: Table, format: VersionFormat | undefined): string {
  return format === undefined || table.version === undefined ? 'null' : format.text(ofRow(table.version.column));
}

const INTEGER: Omit<VersionFormat, 'name' | 'type'> = {
  json: (version) => version,
  value: (field) => field,
  text: (column) => `${column}::text`,
  shown: (version) => version,
  parse: (shown) => shown,
  next: (column) => `coalesce(${column}, 0) + 1`,
};

/** Rounded to the millisecond, because `to_timestamp` takes a double. */
const INSTANT: Omit<VersionFormat, 'name'> = {
  type: 'bigint',
  json: (version) => version,
  value: (field) => `to_timestamp(${field} / 1000.0)::timestamptz(3)`,
  text: (column) => `round(extract(epoch from ${column}) * 1000)::bigint::text`,
  shown: (version) => version,
  parse: (shown) => shown,
  next: (column) => `coalesce(${column}, 'epoch') + interval '1 millisecond'`,
};

function wall(wallTime: WallTime): Omit<VersionFormat, 'name'> {
  return {
    type: 'timestamp',
    json: (version) => JSON.stringify(wallTime.format(Number(version))),
    value: (field) => field,
    text: (column) => `to_char(${column}, 'YYYY-MM-DD HH24:MI:SS.MS')`,
    shown: (version) => wallTime.format(Number(version)),
    parse: (shown) => String(wallTime.parse(shown)),
    next: (column) => `coalesce(${column}, 'epoch') + interval '1 millisecond'`,
  };
}

function isZoned(type: string): boolean {
  return /^timestamptz|with time zone$/i.test(type.trim());
}
