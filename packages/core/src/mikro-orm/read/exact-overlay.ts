import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { pendingRecord } from '../../read/overlay.js';
import type { Pending } from '../../staging/look-side.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * The rows whose pending values PostgreSQL would show in another form than they were written: these have to be written
 * before they are read.
 */
export function inexactRows(
  type: WriteBehindType,
  keys: readonly RowKey[],
  pending: ReadonlyMap<RowKey, Pending>,
): RowKey[] {
  return keys.filter((key) => {
    const record = pendingRecord(pending.get(key));
    return record !== undefined && !isExact(type, record);
  });
}

/** True if PostgreSQL would show all values of a record as they were written. */
export function isExact(type: WriteBehindType, { values }: StagedRecord): boolean {
  return Object.entries(values).every(([name, text]) => type.values.get(name)?.value.isExact(text) ?? true);
}
