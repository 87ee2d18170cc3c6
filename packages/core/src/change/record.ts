import type { ChangeKind, Deltas, Values, VersionText } from './change.js';
import type { Missing } from './missing.js';

/** `replace` is what a delete followed by an insert becomes: the whole row anew, its version going on from the deleted one. */
export type RecordKind = ChangeKind | 'replace';

/** A base that matches no row: what this record was based on has been overruled, so the conflict strategy must see it. */
export const CONFLICT = 'conflict';

/** All unflushed changes of one row, coalesced into one. */
export interface StagedRecord {
  readonly kind: RecordKind;
  readonly entity: string;
  /** The version the database row must have. Absent: not compared. */
  readonly base?: VersionText | typeof CONFLICT;
  /**
   * Whether the base was read in PostgreSQL, with nothing pending laid over it. Such a base stays as it is while records
   * beneath this one are written. A doubtful record does not tell.
   */
  readonly isRowBase?: true;
  readonly version?: VersionText;
  readonly values: Values;
  readonly deltas: Deltas;
  readonly originals: Values;
  /** Of an increment, and of an update or an upsert that one has become part of: what is done where the row is not there. */
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
  /** Redis has forgotten something while this was pending: a conflict means that it may be written already, so no strategy is asked, it is parked. */
  readonly doubtful: boolean;
}

/** A record without content, for the place of one that cannot be read. */
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
