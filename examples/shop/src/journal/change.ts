/** An entry of a journal: enough to find its row in the database and to tell what it must hold. */
export type Change = WrittenRow | RemovedRow | CountedRow;

export interface WrittenRow extends RowName {
  readonly kind: 'insert' | 'update';
  /** The version that this change gives the row; 1 in a table without versions. */
  readonly version: number;
  /** Column -> value as PostgreSQL prints it. Only the columns that the change has set. */
  readonly values: Readonly<Record<string, string>>;
}

interface RemovedRow extends RowName {
  readonly kind: 'delete';
}

/** A page view: the counter of the row goes up by one. */
interface CountedRow extends RowName {
  readonly kind: 'count';
}

/** `row` is a name that is known before the row has a key, so that a row which was written twice shows. */
export interface RowName {
  readonly table: TableName;
  readonly row: string;
}

export const tableNames = ['products', 'customers', 'orders', 'order_lines'] as const;
export type TableName = (typeof tableNames)[number];

/** All entries: what the shop was promised, and what cannot be known because a process was killed. */
export interface History {
  readonly acknowledged: readonly Change[];
  readonly inDoubt: readonly Change[];
}
