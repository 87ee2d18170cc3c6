import { CONFLICT, type StagedRecord } from './record.js';

/** The record, once the staging store has forgotten something: where its base was read no longer tells anything. */
export function inDoubt(record: StagedRecord): StagedRecord {
  const { isRowBase: _, ...rest } = record;
  return { ...rest, doubtful: true };
}

/**
 * Whether the database itself can tell if a record was written already: it expects a version that it replaces. Differences and rows without a version cannot be told
 * apart from themselves applied twice.
 */
export function settledByVersion(record: StagedRecord): boolean {
  const replacesVersion = record.kind === 'update' || record.kind === 'replace' || record.kind === 'delete';
  return (
    replacesVersion && record.base !== undefined && record.base !== CONFLICT && Object.keys(record.deltas).length === 0
  );
}
