import type { RecentWrite, RowState } from './coalesce-change.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import { CONFLICT, type StagedRecord } from './record.js';
import { compareVersions, nextVersion, versionAbove } from './version.js';

/** The known state of a dead letter's row; `sequence` is the last stage sequence in the row's last write. */
export interface LetterRow extends RowState {
  readonly recent?: (RecentWrite & { readonly sequence: number }) | undefined;
}

/**
 * True if a dead letter has been overtaken: a newer change of its row was staged or written. For rows without a
 * version, only this check keeps an old value from replacing a newer one.
 */
export function overtaken(letter: StagedRecord, row: LetterRow): boolean {
  if (row.dirty !== undefined || row.inFlight !== undefined || letter.base === CONFLICT) return true;
  if (row.recent === undefined) return false;
  if (row.recent.sequence > letter.last) return true;
  return (
    letter.base !== undefined &&
    row.recent.version !== undefined &&
    compareVersions(row.recent.version, letter.base) > 0
  );
}

/**
 * The dirty record of a row after a dead letter comes back below the row's dirty record. A letter that is forced over
 * something newer is based on what is known of the row, or on nothing. It raises the version, because no caller that
 * holds the row has seen it. `undefined`: a sum of differences leaves int64.
 */
export function revive(letter: StagedRecord, row: LetterRow): StagedRecord | undefined {
  const { isRowBase: _, ...rest } = letter;
  const fresh: StagedRecord = { ...rest, attempts: 0, doubtful: false };
  if (!overtaken(letter, row)) return fresh;
  if (row.dirty === undefined) return basedOnWhatIsKnown(fresh, row);
  const merged = mergeRecords(withoutVersion(fresh), row.dirty);
  if (merged?.version === undefined) return merged;
  return { ...merged, version: nextVersion(merged.version) ?? merged.version };
}

function basedOnWhatIsKnown(letter: StagedRecord, row: LetterRow): StagedRecord {
  if (letter.base === undefined) return letter;
  const known = (row.inFlight === undefined ? undefined : knownVersion(row.inFlight)) ?? row.recent?.version;
  if (known === undefined) return letter.kind === 'update' ? withoutVersion(letter) : withoutBase(letter);
  const version = letter.version === undefined ? undefined : (versionAbove(letter.version, known) ?? letter.version);
  return { ...letter, base: known, ...(version === undefined ? {} : { version }) };
}

function withoutVersion(record: StagedRecord): StagedRecord {
  const { version: _, ...rest } = withoutBase(record);
  return rest;
}

function withoutBase(record: StagedRecord): StagedRecord {
  const { base: _, ...rest } = record;
  return rest;
}
