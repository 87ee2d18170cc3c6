import type { RowKey } from '../../change/row-key.js';
import { pendingRecord } from '../../read/overlay.js';
import { isOlder } from '../../read/judge-row.js';
import type { Pending } from '../../staging/look-side.js';
import { rowKeyIn, keyCondition } from '../describe/entity-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import type { Find, Options } from './query-options.js';
import { rowVersion, type DriverRow } from './row-overlay.js';

/** Reads rows by key. A missing row is absent from the answer. */
export type ReadByKey = (keys: readonly RowKey[], from: 'primary' | 'replica') => Promise<Map<RowKey, DriverRow>>;

/** The rows of a statement of their own. */
export async function foundBy({
  type,
  keys,
  find,
  options,
}: {
  readonly type: WriteBehindType;
  readonly keys: readonly RowKey[];
  readonly find: Find;
  readonly options: Options;
}): Promise<Map<RowKey, DriverRow>> {
  const found = (await find(keyCondition(type, keys), options)) as DriverRow[];
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
  read: ReadByKey,
  from: 'primary' | 'replica',
): Promise<Map<RowKey, DriverRow>> {
  const rows = await read(keys, from);
  if (from === 'primary') return rows;
  const behind = keys.filter((key) => isBehind(type, known.get(key), rows.get(key)));
  if (behind.length === 0) return rows;
  for (const key of behind) rows.delete(key);
  for (const [key, row] of await read(behind, 'primary')) rows.set(key, row);
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
