import type { Change, ChangeKind, VersionText } from './change.js';
import { addDelta, knownVersion, mergeRecords } from './merge-records.js';
import { noEntries } from './maps.js';
import { makesMissing, type RecordKind, type StagedRecord } from './record.js';
import { compareVersions, newestVersion, versionAbove } from './version.js';

/**
 * The verdict on an application's change to a row with pending changes, by the kind of its dirty record, or, without
 * one, by what is known of the row. `merge` means: merge as the table `MERGE` says. A verdict here may refuse the
 * change, because the caller is there to receive the refusal; `MERGE` cannot refuse.
 *
 * - `gone`: nothing is dirty, and the row is in flight as deleted or was last written as deleted
 * - `there`: nothing is dirty, and the row is in flight as something else
 * - `unknown`: nothing is dirty or in flight
 * - `again`: the row is deleted already. A delete without a base succeeds, as if it found no row in PostgreSQL; one
 *   that expects a version is refused
 * - `annul`: an insert and its delete leave nothing, unless something other than a delete is in flight; the delete is
 *   then kept
 */
export const COALESCE: Readonly<
  Record<RecordKind | 'gone' | 'there' | 'unknown', Readonly<Record<ChangeKind, Verdict>>>
> = {
  unknown: { insert: 'merge', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
  there: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
  gone: { insert: 'merge', update: 'deleted', upsert: 'merge', delete: 'again', increment: 'deleted' },
  insert: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'annul', increment: 'merge' },
  update: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
  upsert: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
  replace: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
  delete: { insert: 'merge', update: 'deleted', upsert: 'merge', delete: 'again', increment: 'deleted' },
  increment: { insert: 'exists', update: 'merge', upsert: 'merge', delete: 'merge', increment: 'merge' },
};

export type Verdict = 'merge' | 'annul' | 'again' | 'exists' | 'deleted';

/** Everything that the staging store knows of one row. */
export interface RowState {
  readonly dirty?: StagedRecord | undefined;
  readonly inFlight?: StagedRecord | undefined;
  readonly recent?: RecentWrite | undefined;
}

/** The last write of a row. `version` is absent where the row has none. */
export interface RecentWrite {
  readonly version?: VersionText;
  readonly deleted: boolean;
  /** Versions that were acknowledged and then refused by PostgreSQL: no row got its version from them. */
  readonly void?: VoidVersions;
}

export interface VoidVersions {
  /** The newest of them. */
  readonly to: VersionText;
  /** The version that the row had before. Absent: unknown. */
  readonly above?: VersionText;
}

/** The place of a change in its shard's history. */
export interface Stamp {
  readonly sequence: number;
  readonly nowMs: number;
}

export type Coalesced =
  | { readonly status: 'dirty'; readonly record: StagedRecord }
  | { readonly status: 'nothing' }
  | {
      readonly status: 'refused';
      readonly reason: 'stale' | 'deleted' | 'exists' | 'overflow';
      readonly version?: VersionText;
    };

/**
 * The dirty record after an application's change, or the reason for refusing the change. The memory store runs this.
 * Redis runs `staging/redis/lua/include/coalesce.lua`: both must decide alike.
 */
export function coalesceChange(row: RowState, change: Change, stamp: Stamp): Coalesced {
  const verdict = verdictOn(row, change);
  if (verdict === 'exists' || verdict === 'deleted') return { status: 'refused', reason: verdict };
  if (verdict === 'again' && change.base !== undefined) return { status: 'refused', reason: 'deleted' };
  const stale = newerThanSeen(row, change);
  if (stale !== undefined) return { status: 'refused', reason: 'stale', version: stale };
  if (overlooks(row.dirty, change)) return { status: 'refused', reason: 'stale' };
  if (verdict === 'annul' && (row.inFlight === undefined || row.inFlight.kind === 'delete'))
    return { status: 'nothing' };

  const incoming = recordOf(row, change, stamp);
  const record = incoming && row.dirty ? mergeRecords(row.dirty, incoming) : incoming;
  if (record === undefined || overflowsInFlight(row.inFlight, record)) return { status: 'refused', reason: 'overflow' };
  return { status: 'dirty', record };
}

/** A change that creates a missing row is valid on a deleted row too. */
function verdictOn(row: RowState, change: Change): Verdict {
  return makesMissing(change) ? 'merge' : COALESCE[row.dirty?.kind ?? stateWithoutDirty(row)][change.kind];
}

function stateWithoutDirty(row: RowState): 'gone' | 'there' | 'unknown' {
  if (row.inFlight !== undefined) return row.inFlight.kind === 'delete' ? 'gone' : 'there';
  return row.recent?.deleted === true ? 'gone' : 'unknown';
}

/**
 * The version that makes the change stale. Pending versions are known exactly, so the caller must have seen the newest.
 * The version of the last write may be out of date, because another program may have written the row by SQL. Only an
 * older base is therefore refused; a newer one becomes the record's base.
 *
 * A dirty record is in no row. A caller who has read its version in the database has therefore seen the row of another
 * writer, which made the same number (R10b). A record in flight may be in the row already, so there the number passes.
 *
 * A version that was acknowledged and then refused by PostgreSQL is void. A caller with a void version has not seen the
 * row that has this number by now. The version below the void range is the row's own.
 */
function newerThanSeen(row: RowState, change: Change): VersionText | undefined {
  if (change.base === undefined || change.kind === 'increment') return undefined;
  const pending = pendingVersion(row);
  if (pending !== undefined) {
    const isOfAnother = change.isRowBase === true && isKnownOf(row.dirty);
    return pending === change.base && !isOfAnother ? undefined : pending;
  }
  const { version: written, void: never } = row.recent ?? {};
  if (written !== undefined && compareVersions(change.base, written) < 0) return written;
  return never !== undefined && !change.isRowBase && isVoid(change.base, never) ? never.to : undefined;
}

function isVoid(version: VersionText, { to, above }: VoidVersions): boolean {
  return compareVersions(version, to) <= 0 && (above === undefined || compareVersions(version, above) > 0);
}

/**
 * The void versions of a row after more are added. Two ranges become one that also covers the versions between them,
 * unless the row has gone past the older range. The older range is then dropped, and the statement finds a caller that
 * still has one of its versions.
 */
export function moreVoid(known: VoidVersions | undefined, { to, above }: VoidVersions): VoidVersions {
  if (known === undefined || (above !== undefined && compareVersions(above, known.to) > 0))
    return { to, ...(above !== undefined && { above }) };
  const lowest =
    above !== undefined && known.above !== undefined && compareVersions(above, known.above) < 0 ? above : known.above;
  return {
    to: newestVersion(known.to, to) ?? to,
    ...(above !== undefined && lowest !== undefined && { above: lowest }),
  };
}

/** True if the pending version is that of a dirty record, which is in no row. A doubtful record may be in the row. */
function isKnownOf(dirty: StagedRecord | undefined): boolean {
  return dirty !== undefined && !dirty.doubtful && knownVersion(dirty) !== undefined;
}

/**
 * True if a change that compares its properties, and no version, has not seen their dirty values: it was loaded with
 * other values. Where the older record is in flight, the statement compares.
 */
function overlooks(dirty: StagedRecord | undefined, change: Change): boolean {
  if (dirty === undefined || change.base !== undefined || change.kind !== 'update') return false;
  return Object.entries(change.originals).some(
    ([property, original]) => property in dirty.values && dirty.values[property] !== original,
  );
}

/** The newest of dirty and in flight that carries a version: a record of differences carries none. */
function pendingVersion(row: RowState): VersionText | undefined {
  const dirty = row.dirty === undefined ? undefined : knownVersion(row.dirty);
  return dirty ?? (row.inFlight === undefined ? undefined : knownVersion(row.inFlight));
}

/** The change as a record of its own. `undefined`: the row has no next version. */
export function recordOf(row: RowState, change: Change, stamp: Stamp): StagedRecord | undefined {
  const compares = change.kind === 'update' || change.kind === 'delete';
  const leavesNothing = change.kind === 'delete';
  const version = versionOf(row, change);
  if (change.version !== undefined && change.kind !== 'increment' && version === undefined) return undefined;
  return {
    kind: change.kind,
    entity: change.entity,
    ...(compares && change.base !== undefined ? { base: change.base } : {}),
    ...(compares && change.base !== undefined && change.isRowBase ? { isRowBase: true } : {}),
    ...(version === undefined ? {} : { version }),
    values: leavesNothing ? noEntries() : change.values,
    deltas: leavesNothing ? noEntries() : change.deltas,
    originals: compares ? change.originals : noEntries(),
    ...(change.missing === undefined ? {} : { missing: change.missing }),
    first: stamp.sequence,
    last: stamp.sequence,
    firstAtMs: stamp.nowMs,
    merged: 1,
    attempts: 0,
    doubtful: false,
  };
}

/**
 * The version that the change asks for, or the next one if the row is known to have had it already: an insert over a
 * deletion continues from the deleted row's version.
 */
function versionOf(row: RowState, change: Change): VersionText | undefined {
  if (change.version === undefined || change.kind === 'increment') return undefined;
  if (change.kind === 'delete') return change.version;
  return versionAbove(change.version, newestVersion(pendingVersion(row) ?? newestKnown(row.recent), change.base));
}

/** Void versions count too: no two changes of a row are ever acknowledged with one version. */
function newestKnown(recent: RecentWrite | undefined): VersionText | undefined {
  return newestVersion(recent?.version, recent?.void?.to);
}

/** Differences in flight may come back and be added to these; no caller could be told of an overflow then. */
function overflowsInFlight(inFlight: StagedRecord | undefined, record: StagedRecord): boolean {
  if (inFlight === undefined) return false;
  return Object.entries(record.deltas).some(([property, delta]) => {
    const before = inFlight.deltas[property];
    return before !== undefined && !(property in record.values) && addDelta(before, delta) === undefined;
  });
}
