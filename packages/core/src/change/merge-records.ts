import type { Deltas, Values, VersionText, Missing } from './change.js';
import { copyMap, noEntries } from './maps.js';
import { madeValues, makesMissing, mergedMissing, CONFLICT, type RecordKind, type StagedRecord } from './record.js';
import { newestVersion, nextVersion, versionAbove } from './version.js';

/**
 * How two records of one row become one, the older applied before the newer. The table has a cell for every merge: a
 * record that comes back under a newer one, a dead letter that is tried again, several records that are parked. Each
 * cell keeps every acknowledged change that the newer record does not overrule.
 *
 * - `row`: `assign` lays the newer columns over the older and adds the differences; `newer` starts the row anew; `none`
 *   leaves nothing.
 * - `base`: `kept` takes the older record's base, because the database still has that version, or the newer's if the
 *   older compared nothing; an overruled base stays overruled. `none`: an insert or an upsert compares nothing, and
 *   after an upsert the state of the row is unknown.
 *
 * The table relies on three rules of the sink: a delete that finds no row has happened; so has the delete inside a
 * `replace`; an update that finds no row becomes a dead letter.
 */
export const MERGE: Readonly<Record<RecordKind, Readonly<Record<RecordKind, MergeCell>>>> = {
  insert: {
    insert: { kind: 'insert', row: 'newer', base: 'none' },
    update: { kind: 'insert', row: 'assign', base: 'none' },
    upsert: { kind: 'insert', row: 'assign', base: 'none' },
    replace: { kind: 'insert', row: 'newer', base: 'none' },
    delete: { kind: 'delete', row: 'none', base: 'newer' },
    increment: { kind: 'insert', row: 'assign', base: 'none' },
  },
  update: {
    insert: { kind: 'insert', row: 'newer', base: 'none' },
    update: { kind: 'update', row: 'assign', base: 'kept' },
    upsert: { kind: 'upsert', row: 'assign', base: 'none' },
    replace: { kind: 'replace', row: 'newer', base: 'kept' },
    delete: { kind: 'delete', row: 'none', base: 'kept' },
    increment: { kind: 'update', row: 'assign', base: 'kept' },
  },
  upsert: {
    insert: { kind: 'upsert', row: 'assign', base: 'none' },
    update: { kind: 'upsert', row: 'assign', base: 'none' },
    upsert: { kind: 'upsert', row: 'assign', base: 'none' },
    replace: { kind: 'replace', row: 'newer', base: 'none' },
    delete: { kind: 'delete', row: 'none', base: 'none' },
    increment: { kind: 'upsert', row: 'assign', base: 'none' },
  },
  replace: {
    insert: { kind: 'replace', row: 'newer', base: 'kept' },
    update: { kind: 'replace', row: 'assign', base: 'kept' },
    upsert: { kind: 'replace', row: 'assign', base: 'kept' },
    replace: { kind: 'replace', row: 'newer', base: 'kept' },
    delete: { kind: 'delete', row: 'none', base: 'kept' },
    increment: { kind: 'replace', row: 'assign', base: 'kept' },
  },
  delete: {
    insert: { kind: 'replace', row: 'newer', base: 'kept' },
    update: { kind: 'update', row: 'newer', base: 'newer' },
    upsert: { kind: 'replace', row: 'newer', base: 'kept' },
    replace: { kind: 'replace', row: 'newer', base: 'kept' },
    delete: { kind: 'delete', row: 'none', base: 'kept' },
    increment: { kind: 'increment', row: 'newer', base: 'none' },
  },
  increment: {
    insert: { kind: 'insert', row: 'newer', base: 'none' },
    update: { kind: 'update', row: 'assign', base: 'kept' },
    upsert: { kind: 'upsert', row: 'assign', base: 'none' },
    replace: { kind: 'replace', row: 'newer', base: 'newer' },
    delete: { kind: 'delete', row: 'none', base: 'newer' },
    increment: { kind: 'increment', row: 'assign', base: 'none' },
  },
};

export interface MergeCell {
  readonly kind: RecordKind;
  readonly row: 'assign' | 'newer' | 'none';
  readonly base: 'kept' | 'newer' | 'none';
}

/**
 * One record that does what `older` and then `newer` do. `undefined`: a sum of differences, or the version, leaves
 * int64.
 */
export function mergeRecords(older: StagedRecord, newer: StagedRecord): StagedRecord | undefined {
  const cell = cellOf(older, newer);
  const deltas = mergedDeltas(cell, older, newer);
  const version = mergedVersion(cell, older, newer);
  if (deltas === undefined || version === undefined) return undefined;
  const doubtful = older.doubtful || newer.doubtful;
  const { base, isRowBase } = mergedBase(cell, older, newer);
  const missing = missingOf(cell, older, newer);
  return {
    kind: cell.kind,
    entity: newer.entity,
    ...(base === undefined ? {} : { base }),
    ...(isRowBase && !doubtful ? { isRowBase } : {}),
    ...(version === UNVERSIONED ? {} : { version }),
    values: mergedValues(cell, older, newer),
    deltas,
    originals: mergedOriginals(cell, older, newer),
    ...(missing === undefined ? {} : { missing }),
    first: Math.min(older.first, newer.first),
    last: Math.max(older.last, newer.last),
    firstAtMs: Math.min(older.firstAtMs, newer.firstAtMs),
    merged: older.merged + newer.merged,
    attempts: older.attempts,
    doubtful,
  };
}

/** After a delete, a record that creates a missing row counts as an insert. */
function cellOf(older: StagedRecord, newer: StagedRecord): MergeCell {
  const isAnew = older.kind === 'delete' && makesMissing(newer);
  return isAnew ? MERGE.delete.insert : MERGE[older.kind][newer.kind];
}

function missingOf({ kind, row }: MergeCell, older: StagedRecord, newer: StagedRecord): Missing | undefined {
  if (kind !== 'increment' && kind !== 'update' && kind !== 'upsert') return undefined;
  return row === 'assign' ? mergedMissing(older, newer) : newer.missing;
}

/** The newest version that a record knows its row to have, or to have had before it was deleted. */
export function knownVersion(record: StagedRecord): VersionText | undefined {
  return newestVersion(record.version, record.base === CONFLICT ? undefined : record.base);
}

type Base = Pick<StagedRecord, 'base' | 'isRowBase'>;

/** The side that gives the base also gives the place where it was read. */
function mergedBase(cell: MergeCell, older: StagedRecord, newer: StagedRecord): Base {
  if (cell.base === 'none') return {};
  if (cell.base === 'newer') return newer;
  if (older.base === CONFLICT || newer.base === CONFLICT) return { base: CONFLICT };
  return older.base === undefined && older.version === undefined ? newer : older;
}

const UNVERSIONED = '';

/**
 * A version only rises. A newer change without a version still raises the version of an older record, because a caller
 * with the older version has not seen the change. Differences alone leave the version as it is. A delete keeps it, so
 * that a replacement can continue from it.
 */
function mergedVersion(cell: MergeCell, older: StagedRecord, newer: StagedRecord): VersionText | undefined {
  if (cell.kind === 'increment') return UNVERSIONED;
  if (newer.kind === 'increment' && older.kind !== 'delete') return older.version ?? UNVERSIONED;
  if (newer.kind === 'delete') return newestVersion(older.version, newer.version) ?? UNVERSIONED;
  const known = knownVersion(older);
  if (newer.version !== undefined) return versionAbove(newer.version, known);
  return known === undefined ? UNVERSIONED : nextVersion(known);
}

function mergedValues(cell: MergeCell, older: StagedRecord, newer: StagedRecord): Values {
  if (cell.row === 'none') return noEntries();
  if (cell.row === 'newer') return older.kind === 'delete' ? madeValues(newer) : newer.values;
  return Object.assign(copyMap(older.values), newer.values);
}

/** An assignment clears the property's difference; an increment adds to it. */
function mergedDeltas(cell: MergeCell, older: StagedRecord, newer: StagedRecord): Deltas | undefined {
  if (cell.row === 'none') return noEntries();
  if (cell.row === 'newer') return newer.deltas;
  const deltas = copyMap(older.deltas);
  for (const property of Object.keys(newer.values)) delete deltas[property];
  for (const [property, delta] of Object.entries(newer.deltas)) {
    const before = deltas[property];
    const sum = before === undefined ? delta : addDelta(before, delta);
    if (sum === undefined) return undefined;
    deltas[property] = sum;
  }
  return deltas;
}

/**
 * Only records that meet a row they have seen keep originals. The older original wins. A property that the older record
 * touched without an original gets none: the newer change saw a staged value there, which was never in the database.
 */
function mergedOriginals(cell: MergeCell, older: StagedRecord, newer: StagedRecord): Values {
  if (cell.base === 'none') return noEntries();
  if (cell.kind === 'replace') return older.kind === 'increment' ? newer.originals : older.originals;
  if (cell.base === 'newer') return newer.originals;
  const originals = copyMap(older.originals);
  for (const [property, original] of Object.entries(newer.originals)) {
    if (property in originals || property in older.values || property in older.deltas) continue;
    originals[property] = original;
  }
  return originals;
}

const SMALLEST = -(2n ** 63n);
const LARGEST = 2n ** 63n - 1n;

/** The exact sum of two int64 texts; `undefined` if it leaves int64. */
export function addDelta(left: string, right: string): string | undefined {
  const sum = BigInt(left) + BigInt(right);
  return sum < SMALLEST || sum > LARGEST ? undefined : String(sum);
}
