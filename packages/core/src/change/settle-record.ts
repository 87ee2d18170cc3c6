import type { VersionText } from './change.js';
import type { RecentWrite, VoidVersions } from './coalesce-change.js';
import { noEntries } from './maps.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import type { Outcome } from './outcome.js';
import { CONFLICT, type StagedRecord } from './record.js';
import { newestVersion, nextVersion } from './version.js';

/** The actions for one record of a batch that ends, and for the record that has become dirty above it meanwhile. */
export interface Settled {
  /** The row's dirty record now. Absent: none. */
  readonly dirty?: StagedRecord;
  /** Set if `dirty` is the record of the batch itself: the pause after which it is due. */
  readonly retryInMs?: number;
  /** PostgreSQL refused the record, or its entity is paused: no drain makes it due sooner. */
  readonly keepsPause?: boolean;
  readonly letter?: {
    readonly code: string;
    readonly reason: string;
    readonly message?: string;
    readonly record: StagedRecord;
  };
  /** The write to remember. An absent version leaves the remembered one as it is. */
  readonly written?: RecentWrite;
  /** Versions that were acknowledged, and that PostgreSQL has refused. */
  readonly void?: VoidVersions;
}

type OutcomeOf<Kind extends Outcome['kind']> = Extract<Outcome, { readonly kind: Kind }>;

/**
 * The end of one record. Unless it ended as "the row has its new version", a newer change of the row has to be adapted,
 * because it was staged on a version that does not exist. It could otherwise meet another writer's row with the same
 * number, and overwrite it in silence.
 *
 * The memory store runs this. Redis runs `staging/redis/lua/include/settle.lua`: both must decide alike.
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
  const { attempts, delayMs, reason, keepsPause = attempts > before.attempts } = outcome;
  const record = { ...before, attempts };
  if (dirty === undefined) return { dirty: record, retryInMs: delayMs, keepsPause };
  return mergedOrBuried(record, dirty, { code: 'COUNTER_OVERFLOW', reason });
}

function buried(record: StagedRecord, outcome: OutcomeOf<'buried'>, dirty: StagedRecord | undefined): Settled {
  const { code, reason, message, version, rejected } = outcome;
  const told = { code, reason, ...(message !== undefined && { message }) };
  if (rejected && dirty !== undefined && isUponAnotherRow(dirty, record))
    return { dirty, letter: { ...told, record }, ...voidPart(record) };
  if (rejected && dirty !== undefined) return mergedOrBuried({ ...record, attempts: 0 }, dirty, told);
  const letter = { ...told, record };
  return {
    ...dirtyPart(dirty && overruled(dirty, version)),
    ...seenVersion(version),
    ...(rejected && voidPart(record)),
    letter,
  };
}

/**
 * After a conflict the row has another version than its record, so no version is void. A refusal leaves the row as it
 * was, so another writer may still make the number. No caller holds a deleted row.
 */
function voidPart({ kind, base, version }: StagedRecord): Pick<Settled, 'void'> {
  if (kind === 'delete' || version === undefined) return {};
  return { void: { to: version, ...(base !== undefined && base !== CONFLICT && { above: base }) } };
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

/** Why an older record is buried beneath a newer one that never saw it. */
export const HIDDEN =
  'A newer change sets the same properties, upon a row that another writer had given the same version';

/**
 * True if the newer record was made upon the row of another writer, which had given the row the older record's version.
 * An unwritten record is in no row, so the newer record saw a row that was not the older record's.
 */
function isUponAnotherRow(newer: StagedRecord, older: StagedRecord): boolean {
  return newer.isRowBase === true && newer.base === knownVersion(older);
}

/** True if a merge would erase a value, or a difference, that the newer record's caller has never seen. */
export function isHiddenBy(older: StagedRecord, newer: StagedRecord): boolean {
  if (!isUponAnotherRow(newer, older)) return false;
  if (newer.kind === 'delete' || newer.kind === 'replace') return true;
  return Object.keys(newer.values).some((property) => property in older.values || property in older.deltas);
}

/** A sum that leaves int64 can no longer be refused: the older record is buried, and the newer one stays dirty. */
function mergedOrBuried(
  older: StagedRecord,
  newer: StagedRecord,
  why: Omit<NonNullable<Settled['letter']>, 'record'>,
): Settled {
  if (isHiddenBy(older, newer)) return { dirty: newer, letter: { code: 'CONFLICT', reason: HIDDEN, record: older } };
  const merged = mergeRecords(older, newer);
  return merged === undefined ? { dirty: newer, letter: { ...why, record: older } } : { dirty: merged };
}

/**
 * The base of a newer record, after an older one beneath it has been written with another version than it said. The
 * base follows the row only where the row held nothing but what the newer record has seen:
 *
 * - The older record names no version, so it was written with the row's version plus one. The base follows if it was
 *   that row's version.
 * - The base was read in the database (R10c). It stays: another writer had made the older record's number, and the
 *   statement finds the conflict.
 * - The base was staged. It follows, because the newer record lies on the older one.
 *
 * @example
 * 1 -> 2 is in flight, another program writes the row from 1 to 2, and a caller reads that row and stages 2 -> 3. The
 * strategy writes the older record over the row, as version 3. The base 2 stays, and 2 -> 3 conflicts with 3.
 */
export function rebased(dirty: StagedRecord, record: StagedRecord, version: VersionText): StagedRecord {
  if (dirty.base === undefined || dirty.base === CONFLICT) return dirty;
  const base = baseAfter(dirty, dirty.base, record.version, version);
  return raised(base === dirty.base ? dirty : { ...dirty, base }, newestVersion(base, version));
}

function baseAfter(
  dirty: StagedRecord,
  base: VersionText,
  expected: VersionText | undefined,
  version: VersionText,
): VersionText {
  if (expected === undefined) return nextVersion(base) === version ? version : base;
  if (dirty.isRowBase) return base;
  return base === expected ? version : (newestVersion(base, version) as VersionText);
}

/** Only a record that compares can see a conflict; a change without a base still wins. */
export function overruled(dirty: StagedRecord, version: VersionText | undefined): StagedRecord {
  if (dirty.base === undefined) return dirty;
  const { isRowBase: _, ...rest } = dirty;
  return raised({ ...rest, base: CONFLICT }, version);
}

export function raised(dirty: StagedRecord, above: VersionText | undefined): StagedRecord {
  if (dirty.version === undefined || above === undefined || newestVersion(dirty.version, above) !== above) return dirty;
  return { ...dirty, version: nextVersion(above) ?? above };
}
