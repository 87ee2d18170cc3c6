import type { VersionText } from '../change/change.js';
import { CONFLICT, type StagedRecord } from '../change/record.js';
import type { Pending } from '../staging/staging-store.js';
import { isTakenForWritten, mayBeIncluded, pendingRecord } from './overlay.js';

/**
 * What is to be done with a row that was read before it was known what is pending of it:
 * - `as-is`: everything that was acknowledged is in it
 * - `lay`: the record goes on top
 * - `gone`: the row is about to be deleted
 * - `again`: it may be older than what is known, or hold the record already; only reading it again, after the look at what is pending, can tell
 */
export type RowVerdict =
  | { readonly kind: 'as-is' }
  | { readonly kind: 'again' }
  | { readonly kind: 'lay'; readonly record: StagedRecord }
  | { readonly kind: 'gone' };

/**
 * Judges a row that was read first, and looked up in the staging store afterwards. Between the two, what was pending may have been written and forgotten by the staging store, all but
 * the version that is remembered: so a version below that one, or below what a pending change is based on, says that the row is old.
 * @param rowVersion of the row as it was read, where it has one
 * @param isBlind whether something can change in such rows that raises no version: they have none, or have counters
 */
export function judgeRow(
  pending: Pending | undefined,
  rowVersion: VersionText | undefined,
  isBlind: boolean,
): RowVerdict {
  if (pending === undefined) return { kind: 'as-is' };
  const record = pendingRecord(pending);
  if (isOlder(pending, rowVersion, isBlind)) return { kind: 'again' };
  if (record === undefined) return { kind: 'as-is' };
  if (record.doubtful && isTakenForWritten(record, rowVersion)) return { kind: 'as-is' };
  // A version number does not prove who wrote the row (H15).
  if (mayBeIncluded(record, rowVersion)) return { kind: 'again' };
  if (record.kind === 'delete') return { kind: 'gone' };
  return record.kind === 'update' ? { kind: 'lay', record } : { kind: 'again' };
}

/** Whether a row that was found may be older than what Spillway knows of it. */
export function isOlder(
  { recent, inFlight, dirty }: Pending,
  rowVersion: VersionText | undefined,
  isBlind: boolean,
): boolean {
  if (recent?.deleted === true) return true;
  if (isBlind && recent !== undefined) return true;
  const bases = [recent?.version, inFlight?.record.base, dirty?.base].filter(
    (base) => base !== undefined && base !== CONFLICT,
  );
  // Of a row that carries no version there is nothing to compare: whatever is known counts.
  if (rowVersion === undefined) return bases.length > 0;
  const oldest = inFlight?.record.base ?? dirty?.base;
  return [recent?.version, oldest].some(
    (known) => known !== undefined && known !== CONFLICT && BigInt(known) > BigInt(rowVersion),
  );
}
