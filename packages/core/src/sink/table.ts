import type { TableName } from '../change/row-key.js';
import type { ConflictStrategy } from '../conflict/strategy.js';

/**
 * Everything the sink has to know of one table, made from the ORM's metadata. Names are unquoted, except in `written`.
 */
export interface Table {
  /** Root entity's name. */
  readonly entity: string;
  readonly schema: string;
  readonly name: string;
  /**
   * Schema and name, quoted, as in the application's statements: without the schema where the search path decides it.
   * Absent: both.
   */
  readonly written?: string;
  /** Primary key columns in the order of the row key's texts. */
  readonly key: readonly Column[];
  /**
   * The key is checked at the end of a statement or later, so `on conflict` cannot name it. Detected when an insert is
   * refused for it.
   */
  readonly keyIsDeferrable?: boolean;
  /**
   * Value's name in records -> column, without primary key and version. The name is the property's, except for
   * references of several columns.
   */
  readonly columns: Readonly<Record<string, Column>>;
  readonly version?: { readonly column: Column; readonly kind: 'integer' | 'date' };
  /** Counter property -> digits after the point of its column: differences are in these units. */
  readonly counters: Readonly<Record<string, number>>;
  /**
   * Set by MikroORM with every update (`onUpdate`). Such a value is no intention and no conflict: the later one wins.
   */
  readonly onUpdate?: readonly string[];
  readonly references: readonly ForeignKey[];
  /** Constraints and indexes that the metadata names. Messages may name them. */
  readonly constraints?: readonly string[];
  /** Position in the commit order: parents first. */
  readonly order: number;
  readonly detect: 'version' | 'changed-properties' | 'none';
  readonly conflict: ConflictStrategy;
  readonly retry: { readonly attempts: number; readonly minDelayMs: number; readonly maxDelayMs: number };
}

export interface Column {
  readonly property: string;
  readonly name: string;
  /** As PostgreSQL writes it: `integer`, `numeric(10,2)`, `text[]`. */
  readonly type: string;
  /**
   * How a value's JSON text becomes the column's type. `direct`: read by the record set; `cast`: declared as text and
   * cast (json columns, where null and strings differ).
   */
  readonly read: 'direct' | 'cast';
}

/** A reference to the primary key of another table that is staged too. */
export interface ForeignKey {
  /** Where the texts of that key are, in their order: in a value of this row, or in its own key, at this position. */
  readonly parts: readonly ({ readonly value: string } | { readonly key: number })[];
  readonly target: TableName;
}
