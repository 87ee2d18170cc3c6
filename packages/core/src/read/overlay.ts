import { mergeRecords } from '../change/merge-records.js';
import { CONFLICT, type StagedRecord } from '../change/record.js';
import type { VersionText } from '../change/change.js';
import type { Pending } from '../staging/staging-store.js';

/** What is pending of a row as one record: what is in flight, with what is dirty on top. */
export function pendingRecord(pending: Pending | undefined): StagedRecord | undefined {
  if (pending?.inFlight && pending.dirty) return mergeRecords(pending.inFlight.record, pending.dirty);
  return pending?.dirty ?? pending?.inFlight?.record;
}

/**
 * Whether a row can tell by its version that it has no part of the record. Rows without a version cannot, and
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
 * Whether the row's version leaves it open if the record is in the row. A row below the record's version has no part
 * of it. A row at or past that version proves nothing: another program may have made the same number (R10a of the
 * design, H15).
 *
 * @example
 * A caller stages version 1 -> 2, and another program writes the row from 1 to 2 by SQL. The row has version 2, and
 * no part of the record.
 */
export function mayBeIncluded(record: StagedRecord, rowVersion: VersionText | undefined): boolean {
  if (rowVersion === undefined || !tellsByVersion(record)) return true;
  if (record.kind === 'delete') return rowVersion !== record.base;
  return BigInt(rowVersion) >= BigInt(record.version as VersionText);
}

/**
 * Whether a record that is doubtful is taken for written: the staging store has forgotten something, so the record
 * may be in the row, and the row's version is all that is left to ask. Its flush believes it too.
 */
export function isTakenForWritten(record: StagedRecord, rowVersion: VersionText | undefined): boolean {
  if (rowVersion === undefined || !tellsByVersion(record)) return false;
  // A delete leaves no version behind: a row newer than what it deleted is another life of that row.
  if (record.kind === 'delete') return BigInt(rowVersion) > BigInt(record.base as VersionText);
  return BigInt(rowVersion) >= BigInt(record.version as VersionText);
}
