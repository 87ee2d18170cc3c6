import type { Values } from '../../../change/change.js';
import { madeValues, CONFLICT, type StagedRecord } from '../../../change/record.js';
import type { Table } from '../../table.js';
import { isOneJson } from './json-text.js';

/** Without leading zeros: JSON has none. */
const VERSION = /^(?:0|[1-9]\d{0,18})$/;
const DELTA = /^-?(?:0|[1-9]\d{0,18})$/;
/** The last millisecond that a JavaScript `Date` can hold. */
const LAST_MOMENT = 8_640_000_000_000_000;

/**
 * The reason why no process can write the record, whatever its table: a value is not one JSON text. `undefined` if
 * there is none.
 */
export function whyNotReadable(record: Pick<StagedRecord, 'values' | 'originals' | 'missing'>): string | undefined {
  const made = record.missing === undefined ? undefined : whyNotJson(madeValues(record));
  return made ?? whyNotJson(record.values) ?? whyNotJson(record.originals);
}

function whyNotJson(texts: Values): string | undefined {
  for (const property in texts)
    if (!isOneJson(texts[property] ?? '')) return `The value of "${property}" is not one JSON text.`;
  return undefined;
}

/**
 * The reason why a record cannot be written with this table, or `undefined`. An unknown property is not left out
 * silently: a partial row would be worse than a dead letter. Only parts that enter SQL text or arithmetic are checked
 * here; PostgreSQL checks the values.
 */
export function whyNotWritable(record: StagedRecord, key: readonly string[], table: Table): string | undefined {
  if (key.length !== table.key.length)
    return `The row key has ${key.length} parts, the primary key of ${table.entity} has ${table.key.length}.`;
  for (const properties of [madeValues(record), record.originals]) {
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
  if (table.version?.kind === 'date' && [record.version, record.base].some(isNoMoment))
    return 'A version is no moment.';
  return undefined;
}

function isNoMoment(version: string | undefined): boolean {
  return version !== undefined && version !== CONFLICT && Number(version) > LAST_MOMENT;
}

/** The values may contain the key and the version, but those are taken from the row key and the record's head. */
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
