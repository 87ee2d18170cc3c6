import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { decimalText, unitsOf } from '../values/counter-delta.js';
import { keyRow } from '../describe/entity-key.js';
import { rowValues } from '../change/build-change.js';
import { isLiteralDefault } from '../describe/default-value.js';
import { versionText, versionValue } from '../values/version-text.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { VersionText } from '../../change/change.js';

/** A row as MikroORM's driver answers it: by property, in database form, JSON parsed. */
export type DriverRow = Record<string, unknown>;

export function rowVersion(type: WriteBehindType, row: DriverRow): VersionText | undefined {
  return type.version && versionText(row[type.version.property.name], type.version.kind);
}

/** The row with a pending record on top; `undefined` if no row is left. */
export function layOver(
  type: WriteBehindType,
  record: StagedRecord,
  row: DriverRow | undefined,
  key: RowKey,
): DriverRow | undefined {
  switch (record.kind) {
    case 'delete':
      return undefined;
    // Without a row there is nothing to update, and readers see what the database has. The record becomes a dead
    // letter, unless its `missing` says otherwise.
    case 'update':
    case 'increment':
      return row && withChanges(type, record, row);
    case 'upsert':
      return withChanges(type, record, row ?? emptyRow(type, key));
    case 'insert':
    case 'replace':
      return withChanges(type, record, emptyRow(type, key));
  }
}

function withChanges(type: WriteBehindType, record: StagedRecord, row: DriverRow): DriverRow {
  const result = { ...row, ...rowValues(type, record.values) };
  for (const [name, delta] of Object.entries(record.deltas)) {
    const known = type.values.get(name);
    if (!known) continue;
    const scale = type.table.counters[name] ?? 0;
    // A counter that is null counts from zero, as the sink does it.
    const units = unitsOf(result[name] ?? 0, scale);
    // NaN and what is added to it is NaN.
    if (units === undefined) continue;
    result[name] = known.value.toRow(known.value.toText(decimalText(units + BigInt(delta), scale)));
  }
  if (type.version && record.version !== undefined)
    result[type.version.property.name] = versionValue(record.version, type.version.kind);
  for (const { name, of } of type.readAlso) if (name in row && of in result) result[name] = result[of];
  // A caller that wants a lazy property has named it, and then the row has it.
  for (const { property } of type.values.values())
    if (property.lazy && !(property.name in row)) delete result[property.name];
  return result;
}

/**
 * A new row before anything is set: each property is null, or has the default of its column if that is always the same.
 */
export function emptyRow(type: WriteBehindType, key: RowKey): DriverRow {
  const row: DriverRow = keyRow(type, key);
  for (const { property, value, absent } of type.values.values()) {
    if (property.lazy) continue;
    const isKnown = absent && isLiteralDefault(property.defaultRaw ?? 'null');
    row[property.name] = isKnown ? value.toRow(value.toText(absent())) : null;
  }
  for (const { name, of } of type.readAlso) row[name] = row[of];
  return row;
}
