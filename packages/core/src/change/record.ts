import type { ChangeKind, Deltas, Values, VersionText } from './change.js';
import type { Missing } from './missing.js';

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
   * the record is parked without asking a strategy.
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
