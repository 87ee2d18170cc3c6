import type { Change } from '../../change/change.js';
import { isLiteralDefault } from '../describe/default-value.js';
import type { Payload } from './direct-payload.js';
import { emptyRow, type DriverRow } from '../read/row-overlay.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * True if a new row of these values lacks a value that differs each time it is made (`now()`): only the statement that
 * inserts the row may make it.
 */
export function onlyDatabaseMakes(type: WriteBehindType, payload: Payload): boolean {
  return [...type.values].some(
    ([name, { property }]) =>
      payload[name] === undefined && property.defaultRaw !== undefined && !isLiteralDefault(property.defaultRaw),
  );
}

/** The answer of `returning` after an upsert: the properties that were not given, as the row has them now. */
export function upsertedRow(type: WriteBehindType, change: Change, found: DriverRow | undefined): DriverRow {
  const row = found ?? emptyRow(type, change.rowKey);
  const names = [...type.values].filter(([name, { property }]) => !property.lazy && !(name in change.values));
  const [key = ''] = type.meta.primaryKeys;
  return {
    ...(type.key.sequence && { [key]: row[key] }),
    ...Object.fromEntries(names.map(([name]) => [name, row[name]])),
  };
}
