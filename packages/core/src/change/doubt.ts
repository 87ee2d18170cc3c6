import { CONFLICT, type StagedRecord } from './record.js';

/** The record after the staging store has lost data: the place where its base was read proves nothing any more. */
export function inDoubt(record: StagedRecord): StagedRecord {
  const { isRowBase: _, ...rest } = record;
  return { ...rest, doubtful: true };
}

/**
 * True if the database itself can tell whether a record was written already: the record expects a version that it
 * replaces. Differences, and rows without a version, look the same when they are applied twice.
 */
export function settledByVersion(record: StagedRecord): boolean {
  const replacesVersion = record.kind === 'update' || record.kind === 'replace' || record.kind === 'delete';
  return (
    replacesVersion && record.base !== undefined && record.base !== CONFLICT && Object.keys(record.deltas).length === 0
  );
}
