import type { VersionText } from './change.js';
import type { RowKey } from './row-key.js';

/**
 * The result of one record of a batch. The transaction that wrote the batch writes the outcome into the ledger row.
 * Every acknowledgement, at once or after a crash, therefore does the same.
 */
export type Outcome = OutcomeKind & Part;

/**
 * A transaction of the application may add to a row of a batch in flight, part by part, and commit only some of the
 * parts. `part` is the last part that the outcome covers; later parts were not written.
 */
interface Part {
  readonly part?: number;
}

type OutcomeKind =
  /**
   * The row is as the record says and has the record's version. This is the usual case, and the only one that a ledger
   * row leaves out, unless something was added to the row.
   */
  | { readonly kind: 'applied' }
  /** Applied, but the row has another version than the record says: a trigger, a merge or an overwrite. */
  | { readonly kind: 'version'; readonly version: VersionText }
  /** A conflict that the strategy settled for the database's row. Differences of counters were applied all the same. */
  | { readonly kind: 'superseded'; readonly version?: VersionText }
  /**
   * Not applied; the record becomes dirty again and is retried after `delayMs`. `attempts` is the new count. Where it
   * has risen, and with `keepsPause`, no drain makes the record due sooner.
   */
  | {
      readonly kind: 'again';
      readonly attempts: number;
      readonly delayMs: number;
      readonly reason: string;
      readonly keepsPause?: true;
    }
  /**
   * Not applied, and no retry will help: the record becomes a dead letter. `rejected`: PostgreSQL refused the row, so a
   * newer change of it is coalesced with this one and tried instead. Otherwise (a conflict) the newer change must see
   * the conflict. `counted`: the differences of counters were applied, and are not in the dead letter.
   */
  | {
      readonly kind: 'buried';
      /**
       * SQLSTATE, or a word of ours: `CONFLICT` `ROW_MISSING` `ROW_EXISTS` `NOT_WRITABLE` `UNREADABLE` `STAGING_LOSS`.
       */
      readonly code: string;
      /** Contains only Spillway's own words and names of the metadata. */
      readonly reason: string;
      /**
       * The full message of PostgreSQL, or of an error that the application's conflict function has thrown. It may
       * quote values, and goes only into the dead letter.
       */
      readonly message?: string;
      readonly version?: VersionText;
      readonly rejected: boolean;
      readonly counted: boolean;
    };

/** The outcomes of a batch other than plain `applied`. */
export type BatchOutcome = ReadonlyMap<RowKey, Outcome>;

/** The outcomes of a batch whose records were written with everything that had been added to them. */
export function covering(outcomes: BatchOutcome, added: ReadonlyMap<RowKey, number> | undefined): BatchOutcome {
  if (added === undefined || added.size === 0) return outcomes;
  const covered = new Map(outcomes);
  for (const [rowKey, part] of added) covered.set(rowKey, { ...(covered.get(rowKey) ?? { kind: 'applied' }), part });
  return covered;
}

/** True if an outcome, if there is one, covers a part. Without parts every outcome covers all. */
export function covers(outcome: Outcome | undefined, part: number | undefined): boolean {
  return (outcome?.part ?? 0) >= (part ?? 0);
}
