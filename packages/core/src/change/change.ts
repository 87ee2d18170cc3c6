import type { RowKey } from './row-key.js';

/**
 * The text of one JSON value, as PostgreSQL reads it with the type of its column. Only the ORM and PostgreSQL parse it.
 */
export type JsonText = string;

/**
 * A row's version as a non-negative whole number in decimal text, without sign or leading zeros. An integer version is
 * that integer; a `Date` version is its milliseconds since 1970. With one form for both, Redis compares and raises a
 * version without knowing its type.
 */
export type VersionText = string;

/** Property name -> value. Never a column name: columns exist only in `sink/`. */
export type Values = Readonly<Record<string, JsonText>>;

/**
 * Counter property -> signed whole number in decimal text (int64), in units of the column's scale: `+1.25` on a
 * `numeric(10,2)` is `'125'`. Differences are added, values are assigned; a counter that is in both is assigned first.
 */
export type Deltas = Readonly<Record<string, string>>;

export type ChangeKind = 'insert' | 'update' | 'upsert' | 'delete' | 'increment';

/** One entity's insert, update, upsert, delete or increment, with the changed properties only. */
export interface Change {
  readonly kind: ChangeKind;
  /** Name of the root entity; statistics, policies and messages use it. */
  readonly entity: string;
  readonly rowKey: RowKey;
  /** The version the caller has seen. Absent: nothing is compared. */
  readonly base?: VersionText;
  /**
   * True if the base is the version of a row that PostgreSQL answered, with nothing pending laid over it. Absent: the
   * caller has seen a staged state, or Spillway does not know what the caller has seen.
   */
  readonly isRowBase?: true;
  /**
   * The version of the row after this change. Absent: the row has none, or (`increment`) the change leaves it as it is.
   */
  readonly version?: VersionText;
  readonly values: Values;
  readonly deltas: Deltas;
  /** The changed properties as they were when loaded; filled only where the policy compares or merges. */
  readonly originals: Values;
  /** `increment`: how a missing row is handled. Absent: the change becomes a dead letter. */
  readonly missing?: Missing;
}

/**
 * How a record without a row is handled. Absent: the record becomes a dead letter.
 *
 * - `'drop'`: nothing is written. Only for an increment
 * - `create`: the row is created with these values, and with the record's own values over them
 */
export type Missing = 'drop' | { readonly create: Values };
