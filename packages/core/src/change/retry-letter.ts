import type { RecentWrite, RowState } from './coalesce-change.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import { CONFLICT, type StagedRecord } from './record.js';
import { compareVersions, nextVersion, versionAbove } from './version.js';

/** What is known of a dead letter's row; `sequence` is the last stage sequence in what was written last. */
export interface LetterRow extends RowState {
  readonly recent?: (RecentWrite & { readonly sequence: number }) | undefined;
}

/**
 * Whether a dead letter has been overtaken: something of its row was staged since, or written. Where rows have no version, only this keeps an old value from replacing a
 * newer one.
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
 * The dirty record of a row when a dead letter comes back under what is dirty by now. Forced over something newer, it is based on what is known of the row, or on nothing,
 * and raises the version, because nobody who holds the row has seen it. `undefined`: a sum of differences leaves int64.
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
