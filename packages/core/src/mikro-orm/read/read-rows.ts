import type { RowKey } from '../../change/row-key.js';
import { pendingRecord } from '../../read/overlay.js';
import { isOlder } from '../../read/judge-row.js';
import type { Pending } from '../../staging/look-side.js';
import { rowKeyIn, keyCondition } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { primary, type Find, type Options } from './query-options.js';
import { rowVersion, type DriverRow } from './row-overlay.js';

/** The rows of these keys that the primary has. */
export async function readRows(
  type: WriteBehindType,
  keys: readonly RowKey[],
  find: Find,
  options: Options,
): Promise<Map<RowKey, DriverRow>> {
  const found = (await find(keyCondition(type, keys), primary(options))) as DriverRow[];
  return new Map(found.map((row) => [rowKeyIn(type, row), row]));
}

/**
 * The rows of these keys from wherever they may be read. If a replica lacks a known change of a row, the row is read
 * from the primary.
 *
 * @param from where the policy lets them be read; `'primary'` for rows that are to be kept as copies
 */
export async function readKnownRows(
  type: WriteBehindType,
  keys: readonly RowKey[],
  known: ReadonlyMap<RowKey, Pending>,
  find: Find,
  options: Options,
  from: 'primary' | 'replica' = type.policy.reads,
): Promise<Map<RowKey, DriverRow>> {
  if (from === 'primary') return readRows(type, keys, find, options);
  const found = (await find(keyCondition(type, keys), options)) as DriverRow[];
  const rows = new Map(found.map((row) => [rowKeyIn(type, row), row]));
  const behind = keys.filter((key) => isBehind(type, known.get(key), rows.get(key)));
  if (behind.length === 0) return rows;
  for (const key of behind) rows.delete(key);
  for (const [key, row] of await readRows(type, behind, find, options)) rows.set(key, row);
  return rows;
}

function isBehind(type: WriteBehindType, known: Pending | undefined, row: DriverRow | undefined): boolean {
  if (known === undefined) return false;
  const record = pendingRecord(known);
  // A row that was written, or that a pending change builds on, exists; a row that is only staged, or deleted, need
  // not.
  if (row === undefined) return known.recent ? !known.recent.deleted : record !== undefined && record.kind !== 'insert';
  const isBlind = type.version === undefined || type.counters.size > 0;
  return isOlder(known, rowVersion(type, row), isBlind) || (isBlind && record !== undefined);
}
