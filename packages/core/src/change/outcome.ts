import type { VersionText } from './change.js';
import type { RowKey } from './row-key.js';

/**
 * What became of one record of a batch. It is written into the ledger row, in the transaction that wrote the batch, so that whoever acknowledges, at once or
 * after a crash, does the same.
 */
export type Outcome = OutcomeKind & Part;

/**
 * A transaction of the application may add to a row of a batch in flight, part by part, and commit only some of the parts. `part` is the last one that the outcome covers; what was added
 * later was not written.
 */
interface Part {
  readonly part?: number;
}

type OutcomeKind =
  /** The row is as the record says and has the record's version. The usual case, and the only one that a ledger row leaves out, unless something was added to the row. */
  | { readonly kind: 'applied' }
  /** Applied, but the row has another version than the record says: a trigger, a merge or an overwrite. */
  | { readonly kind: 'version'; readonly version: VersionText }
  /** A conflict that the strategy settled for the database's row. Differences of counters were applied all the same. */
  | { readonly kind: 'superseded'; readonly version?: VersionText }
  /** Not applied; goes back to the dirty records and is tried again after `delayMs`. `attempts` is the new count. */
  | { readonly kind: 'again'; readonly attempts: number; readonly delayMs: number; readonly reason: string }
  /**
   * Not applied and never will be on its own: becomes a dead letter.
   * `rejected`: PostgreSQL refused the row, so a newer change of it is coalesced with this one and tried instead; otherwise (a conflict) the newer change must see
   * the conflict. `counted`: the differences of counters were applied, and are not in the dead letter.
   */
  | {
      readonly kind: 'buried';
      /** SQLSTATE, or a word of ours: `CONFLICT`, `ROW_MISSING`, `ROW_EXISTS`, `NOT_WRITABLE`, `UNREADABLE`, `STAGING_LOSS`. */
      readonly code: string;
      /** In words of ours and names of the metadata. */
      readonly reason: string;
      /** All that PostgreSQL said, or what the application's conflict function has thrown. It may quote values, and goes nowhere but into the dead letter. */
      readonly message?: string;
      readonly version?: VersionText;
      readonly rejected: boolean;
      readonly counted: boolean;
    };

/** The outcomes of a batch that are not simply `applied`. */
export type BatchOutcome = ReadonlyMap<RowKey, Outcome>;

/** The outcomes of a batch whose records were written with everything that had been added to them. */
export function covering(outcomes: BatchOutcome, added: ReadonlyMap<RowKey, number> | undefined): BatchOutcome {
  if (added === undefined || added.size === 0) return outcomes;
  const covered = new Map(outcomes);
  for (const [rowKey, part] of added) covered.set(rowKey, { ...(covered.get(rowKey) ?? { kind: 'applied' }), part });
  return covered;
}

/** Whether an outcome, if there is one, covers a part. Without parts every outcome covers all. */
export function covers(outcome: Outcome | undefined, part: number | undefined): boolean {
  return (outcome?.part ?? 0) >= (part ?? 0);
}
