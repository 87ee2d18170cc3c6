import type { Change } from '../../change/change.js';
import type { RowKey } from '../../change/row-key.js';
import type { Payload } from './direct-payload.js';
import { isLaid } from '../read/laid-rows.js';
import { rowVersion, type DriverRow, emptyRow } from '../read/row-overlay.js';
import { givenTexts, valueTexts } from '../change/build-change.js';
import { nextVersion } from '../values/version-text.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { isLiteralDefault } from '../describe/default-value.js';

/**
 * Changes of rows that no unit of work has loaded. Each is made for the row as it is read now, with its pending
 * changes. An update or a delete expects the version of that row; an upsert expects none and goes on from it.
 */
export interface RowSeen {
  readonly rowKey: RowKey;
  readonly row: DriverRow | undefined;
}

/** Counters are assigned like other properties: the caller gives a value, not a difference. */
export function directUpdate(type: WriteBehindType, { rowKey, row = {} }: RowSeen, payload: Payload): Change {
  const values = givenTexts(type, payload);
  return {
    ...common(type, rowKey),
    kind: 'update',
    ...baseOf(type, row),
    ...versionAfter(type, row),
    values,
    originals: type.keepsOriginals ? originals(type, row, Object.keys(values)) : {},
  };
}

export function directDelete(type: WriteBehindType, { rowKey, row = {} }: RowSeen): Change {
  return { ...common(type, rowKey), kind: 'delete', ...baseOf(type, row), values: {}, originals: {} };
}

export function directUpsert(type: WriteBehindType, { rowKey, row }: RowSeen, payload: Payload): Change {
  return {
    ...common(type, rowKey),
    kind: 'upsert',
    ...versionAfter(type, row ?? {}),
    values: givenTexts(type, payload),
    originals: {},
  };
}

function common(type: WriteBehindType, rowKey: RowKey): Pick<Change, 'entity' | 'rowKey' | 'deltas'> {
  return { entity: type.meta.className, rowKey, deltas: {} };
}

function baseOf(type: WriteBehindType, row: DriverRow): Pick<Change, 'base' | 'isRowBase'> {
  const base = rowVersion(type, row);
  return base === undefined ? {} : { base, ...(!isLaid(row) && { isRowBase: true }) };
}

function versionAfter(type: WriteBehindType, row: DriverRow): Pick<Change, 'version'> {
  return type.version ? { version: nextVersion(rowVersion(type, row), type.version.kind, Date.now()) } : {};
}

/** The driver parses JSON; everything else is in a row as it is in a snapshot. */
function originals(type: WriteBehindType, row: DriverRow, names: readonly string[]): Change['values'] {
  const known = names.filter((name) => row[name] !== undefined && type.table.onUpdate?.includes(name) !== true);
  return valueTexts(type, Object.fromEntries(known.map((name) => [name, inSnapshot(type, name, row[name])])));
}

function inSnapshot(type: WriteBehindType, name: string, value: unknown): unknown {
  return value !== null && /^jsonb?$/.test(type.values.get(name)?.value.type ?? '') ? JSON.stringify(value) : value;
}

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

/** As `returning` answers after an upsert, by column name: what was not given, as the row has it now. */
export function upsertedRow(type: WriteBehindType, change: Change, found: DriverRow | undefined): DriverRow {
  const row = found ?? emptyRow(type, change.rowKey);
  const names = [...type.values].filter(([name, { property }]) => !property.lazy && !(name in change.values));
  const [key = ''] = type.meta.primaryKeys;
  const returned = [...(type.key.sequence ? [key] : []), ...names.map(([name]) => name)];
  return Object.fromEntries(
    returned.flatMap((name) => {
      const property = type.meta.properties[name];
      return property ? [[property.fieldNames[0] ?? name, row[name]]] : [];
    }),
  );
}
