import type { ChangeKind, Deltas, Values, VersionText, Missing } from './change.js';

/** `replace` is a delete followed by an insert: the whole row anew, its version continuing from the deleted one. */
export type RecordKind = ChangeKind | 'replace';

/**
 * A base that matches no row. The base of this record has been overruled, so the conflict strategy must see the record.
 */
export const CONFLICT = 'conflict';

/** All unflushed changes of one row, coalesced into one. */
export interface StagedRecord {
  readonly kind: RecordKind;
  readonly entity: string;
  /** The version the database row must have. Absent: not compared. */
  readonly base?: VersionText | typeof CONFLICT;
  /**
   * True if the base was read in PostgreSQL, with nothing pending laid over it. Such a base stays as it is while
   * records beneath this one are written. Always absent on a doubtful record.
   */
  readonly isRowBase?: true;
  readonly version?: VersionText;
  readonly values: Values;
  readonly deltas: Deltas;
  readonly originals: Values;
  /** Of an increment, and of an update or an upsert that has merged one: how a missing row is handled. */
  readonly missing?: Missing;
  /** Stage sequence (per shard, rising) of the first and of the last change in it. */
  readonly first: number;
  readonly last: number;
  /** When the first change was staged: milliseconds since 1970 by the Redis server's clock. */
  readonly firstAtMs: number;
  /** How many changes were coalesced into it. */
  readonly merged: number;
  /** How often the database has rejected this record on its own. */
  readonly attempts: number;
  /**
   * Redis has lost data while this record was pending. A conflict may then mean that the record is written already, so
   * the record is buried without asking a strategy.
   */
  readonly doubtful: boolean;
}

/** A record without content, in the place of one that cannot be read. */
export function emptyRecord(): StagedRecord {
  return {
    kind: 'update',
    entity: '',
    values: {},
    deltas: {},
    originals: {},
    first: 0,
    last: 0,
    firstAtMs: 0,
    merged: 0,
    attempts: 0,
    doubtful: false,
  };
}

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

type Part = Pick<StagedRecord, 'missing'>;

/** True if the record creates its row when it is missing. */
export function makesMissing({ missing }: Part): boolean {
  return missing !== undefined && missing !== 'drop';
}

/** All values of a created row: the record's own values replace those that are for a new row alone. */
export function madeValues({ missing, values }: Pick<StagedRecord, 'missing' | 'values'>): Values {
  return missing === undefined || missing === 'drop' ? values : { ...missing.create, ...values };
}

/**
 * The `missing` of two merged records, the newer laid over the older. The first `create` makes the row, and a later one
 * only finds it. An upsert needs none, and `'drop'` remains only if both records say it.
 */
export function mergedMissing(older: StagedRecord, newer: StagedRecord): Missing | undefined {
  if (older.kind === 'upsert' || makesMissing(older)) return older.missing;
  if (makesMissing(newer)) return newer.missing;
  return older.missing === 'drop' && newer.missing === 'drop' ? 'drop' : undefined;
}
