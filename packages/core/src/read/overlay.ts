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
 * Whether the row alone tells if the record is in it. A version does, as it only rises. Differences do not, nor does a row without a version: for those the
 * caller has to find out when they were written.
 */
export function tellsByVersion(record: StagedRecord): boolean {
  // An upsert expects no version, so the one that it raises may have been reached by somebody else's writing.
  if (Object.keys(record.deltas).length > 0 || record.kind === 'upsert') return false;
  return record.kind === 'delete'
    ? record.base !== undefined && record.base !== CONFLICT
    : record.version !== undefined;
}

/** Whether a row of this version has the record in it already, or was changed past it by somebody's SQL. */
export function isIncluded(record: StagedRecord, rowVersion: VersionText | undefined): boolean {
  if (rowVersion === undefined || !tellsByVersion(record)) return false;
  // A delete leaves no version behind: a row newer than what it deleted is another life of that row.
  if (record.kind === 'delete') return BigInt(rowVersion) > BigInt(record.base as VersionText);
  return BigInt(rowVersion) >= BigInt(record.version as VersionText);
}
