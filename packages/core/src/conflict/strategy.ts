/**
 * How a record is handled whose row is not as it expects. `merge` writes the properties that only we changed and
 * applies `both` where both sides changed the same one. A function decides case by case.
 */
export type ConflictStrategy =
  | { readonly kind: 'overwrite' }
  | { readonly kind: 'keep-database' }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'merge'; readonly both: 'overwrite' | 'keep-database' | 'dead-letter' }
  | { readonly kind: 'function'; readonly decide: RowDecider };

/** A conflict in the form of staged values: property -> JSON text. */
export interface RowConflict {
  readonly rowKey: string;
  /** The record's properties as they were when loaded; only known where the policy keeps originals. */
  readonly base: Readonly<Record<string, string>>;
  readonly ours: Readonly<Record<string, string>>;
  readonly theirs: Readonly<Record<string, string>>;
  /** Properties whose database value differs from `base`. */
  readonly changed: readonly string[];
  readonly attempt: number;
}

/** `write`: these properties, as JSON texts, onto the database's row. */
export type RowDecision =
  | 'overwrite'
  | 'keep-database'
  | 'dead-letter'
  | { readonly write: Readonly<Record<string, string>> };

/** Must be pure: if the transaction is repeated, the function is called again. */
export type RowDecider = (conflict: RowConflict) => RowDecision;
