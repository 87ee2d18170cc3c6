import { mergeRecords } from '../change/merge-records.js';
import { CONFLICT, type StagedRecord } from '../change/record.js';
import type { VersionText } from '../change/change.js';
import type { Pending } from '../staging/look-side.js';

/** The pending changes of a row as one record: the one in flight, with the dirty one on top. */
export function pendingRecord(pending: Pending | undefined): StagedRecord | undefined {
  if (pending?.inFlight && pending.dirty) return mergeRecords(pending.inFlight.record, pending.dirty);
  return pending?.dirty ?? pending?.inFlight?.record;
}

/**
 * True if the version of a row can prove that the record is not in the row. Rows without a version cannot, and
 * differences of counters raise none.
 */
export function tellsByVersion(record: StagedRecord): boolean {
  // An upsert expects no version, so the one that it raises may have been reached by other writers.
  if (Object.keys(record.deltas).length > 0 || record.kind === 'upsert') return false;
  return record.kind === 'delete'
    ? record.base !== undefined && record.base !== CONFLICT
    : record.version !== undefined;
}

/**
 * True if the row's version leaves open whether the record is in the row. A row below the record's version does not
 * contain it. A row at or past that version proves nothing: another program may have made the same number (R10a of the
 * design, H15).
 *
 * @example
 * A caller stages version 1 -> 2, and another program writes the row from 1 to 2 by SQL. The row has version 2, and
 * does not contain the record.
 */
export function mayBeIncluded(record: StagedRecord, rowVersion: VersionText | undefined): boolean {
  if (rowVersion === undefined || !tellsByVersion(record)) return true;
  if (record.kind === 'delete') return rowVersion !== record.base;
  return BigInt(rowVersion) >= BigInt(record.version as VersionText);
}

/**
 * True if a doubtful record is taken for written. The staging store has lost data, so the record may be in the row, and
 * only the row's version can tell. The record's flush relies on the version too.
 */
export function isTakenForWritten(record: StagedRecord, rowVersion: VersionText | undefined): boolean {
  if (rowVersion === undefined || !tellsByVersion(record)) return false;
  // A deleted row has no version: a row newer than the deleted one has been inserted again.
  if (record.kind === 'delete') return BigInt(rowVersion) > BigInt(record.base as VersionText);
  return BigInt(rowVersion) >= BigInt(record.version as VersionText);
}
