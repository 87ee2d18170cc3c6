import type { VersionText } from '../change/change.js';
import { CONFLICT, type StagedRecord } from '../change/record.js';
import type { Pending } from '../staging/look-side.js';
import { isTakenForWritten, mayBeIncluded, pendingRecord } from './overlay.js';

/**
 * How a row is handled that was read before its pending changes were looked up:
 * - `as-is`: it contains every acknowledged change
 * - `lay`: the record goes on top
 * - `gone`: the row is about to be deleted
 * - `again`: the row may be older than the known version, or contain the record already; only another read, after the
 *   look at pending changes, can tell
 */
export type RowVerdict =
  | { readonly kind: 'as-is' }
  | { readonly kind: 'again' }
  | { readonly kind: 'lay'; readonly record: StagedRecord }
  | { readonly kind: 'gone' };

/**
 * Judges a row that was read first, and looked up in the staging store afterwards. In between, its pending changes may
 * have been written, and forgotten by the staging store except for the remembered version. A row whose version is below
 * the remembered one, or below the base of a pending change, is therefore old.
 * @param rowVersion of the row as it was read, where it has one
 * @param isBlind true if such rows can change without a new version: they have none, or have counters
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

/** True if a row that was found may be older than the state that Spillway knows. */
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
  // Without a version on the row there is nothing to compare: any known version counts.
  if (rowVersion === undefined) return bases.length > 0;
  const oldest = inFlight?.record.base ?? dirty?.base;
  return [recent?.version, oldest].some(
    (known) => known !== undefined && known !== CONFLICT && BigInt(known) > BigInt(rowVersion),
  );
}
