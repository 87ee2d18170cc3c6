import type { VersionText } from './change.js';
import type { RecentWrite } from './coalesce-change.js';
import { noEntries } from './maps.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import type { Outcome } from './outcome.js';
import { CONFLICT, type StagedRecord } from './record.js';
import { newestVersion, nextVersion } from './version.js';

/** What is to be done with one record of a batch that ends, and with what has become dirty above it meanwhile. */
export interface Settled {
  /** What is dirty now. Absent: nothing. */
  readonly dirty?: StagedRecord;
  /** Set if `dirty` is the record of the batch itself: it is due after this. */
  readonly retryInMs?: number;
  /** It was refused: no drain makes it due sooner. */
  readonly keepsPause?: boolean;
  readonly letter?: { readonly code: string; readonly reason: string; readonly record: StagedRecord };
  /** What was written. A version that is absent leaves the remembered one as it is. */
  readonly written?: RecentWrite;
}

type OutcomeOf<Kind extends Outcome['kind']> = Extract<Outcome, { readonly kind: Kind }>;

/**
 * The end of one record. If it did not end as "the row has its new version", a newer change of the row must be told: it was staged on top of a version that does not
 * exist, and would otherwise meet somebody else's row of the same number and overwrite it in silence.
 */
export function settleRecord(record: StagedRecord, outcome: Outcome, dirty: StagedRecord | undefined): Settled {
  switch (outcome.kind) {
    case 'applied':
      return { ...dirtyPart(dirty), written: writtenAs(record, knownVersion(record)) };
    case 'version':
      return {
        ...dirtyPart(dirty && rebased(dirty, record, outcome.version)),
        written: writtenAs(record, outcome.version),
      };
    case 'superseded':
      return { ...dirtyPart(dirty && overruled(dirty, outcome.version)), ...seenVersion(outcome.version) };
    case 'again':
      return triedAgain(record, outcome, dirty);
    case 'buried':
      return buried(outcome.counted ? { ...record, deltas: noEntries() } : record, outcome, dirty);
    default:
      return outcome satisfies never;
  }
}

function triedAgain(before: StagedRecord, outcome: OutcomeOf<'again'>, dirty: StagedRecord | undefined): Settled {
  const { attempts, delayMs, reason } = outcome;
  const record = { ...before, attempts };
  if (dirty === undefined) return { dirty: record, retryInMs: delayMs, keepsPause: attempts > before.attempts };
  return mergedOrBuried(record, dirty, 'COUNTER_OVERFLOW', reason);
}

function buried(record: StagedRecord, outcome: OutcomeOf<'buried'>, dirty: StagedRecord | undefined): Settled {
  const { code, reason, version, rejected } = outcome;
  if (rejected && dirty !== undefined) return mergedOrBuried({ ...record, attempts: 0 }, dirty, code, reason);
  const letter = { code, reason, record };
  return { ...dirtyPart(dirty && overruled(dirty, version)), ...seenVersion(version), letter };
}

function dirtyPart(dirty: StagedRecord | undefined): Pick<Settled, 'dirty'> {
  return dirty === undefined ? {} : { dirty };
}

function writtenAs(record: StagedRecord, version: VersionText | undefined): RecentWrite {
  return { ...(version === undefined ? {} : { version }), deleted: record.kind === 'delete' };
}

function seenVersion(version: VersionText | undefined): Pick<Settled, 'written'> {
  return version === undefined ? {} : { written: { version, deleted: false } };
}

/** A sum that no int64 holds cannot be refused any more: the older record is parked, the newer one goes its way. */
function mergedOrBuried(older: StagedRecord, newer: StagedRecord, code: string, reason: string): Settled {
  const merged = mergeRecords(older, newer);
  return merged === undefined ? { dirty: newer, letter: { code, reason, record: older } } : { dirty: merged };
}

/**
 * The base follows the row, where it was this record's version or is behind the row. A base ahead of the row was read after this record was written, and stays.
 */
export function rebased(dirty: StagedRecord, record: StagedRecord, version: VersionText): StagedRecord {
  if (dirty.base === undefined || dirty.base === CONFLICT) return dirty;
  const base = dirty.base === record.version ? version : (newestVersion(dirty.base, version) as VersionText);
  return raised({ ...dirty, base }, base);
}

/** Only what compares can see a conflict; a change that never asked for a version still wins. */
export function overruled(dirty: StagedRecord, version: VersionText | undefined): StagedRecord {
  return dirty.base === undefined ? dirty : raised({ ...dirty, base: CONFLICT }, version);
}

export function raised(dirty: StagedRecord, above: VersionText | undefined): StagedRecord {
  if (dirty.version === undefined || above === undefined || newestVersion(dirty.version, above) !== above) return dirty;
  return { ...dirty, version: nextVersion(above) ?? above };
}
