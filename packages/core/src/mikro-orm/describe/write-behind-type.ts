import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import type { Column, Table } from '../../sink/table.js';
import type { ColumnValue } from '../values/column-value.js';
import type { DefaultValue } from './default-value.js';
import type { KeyText } from '../values/key-text.js';
import type { SingleTable } from './single-table.js';
import type { UniqueProperties } from './unique-properties.js';
import type { VersionKind } from '../values/version-text.js';

/** A write-behind entity: its metadata in the terms of the engine. Made once, at discovery. */
export interface WriteBehindType {
  readonly meta: EntityMetadata;
  readonly policy: ResolvedPolicy;
  readonly table: Table;
  readonly names: DriverOfTables;
  readonly key: EntityKey;
  /** The classes that share the table, if there are several; `meta` is then their root. */
  readonly family?: SingleTable;
  readonly version?: {
    readonly property: EntityProperty;
    readonly kind: VersionKind;
    /** The version of a new row, if it is not 1 or now. */
    readonly initial?: VersionText;
  };
  /**
   * Persisted values by the name that they have in records (see `valueName`): the property's, but for references of
   * several columns. Primary key and version excluded.
   */
  readonly values: ReadonlyMap<string, PropertyValue>;
  /** Properties whose value a pending row may have taken or given up, and another row may want. */
  readonly unique: UniqueProperties;
  /** Properties that only the database can make: an insert that leaves one of them unset is written by SQL. */
  readonly databaseMade: readonly string[];
  /** Counter properties -> digits after the point. */
  readonly counters: ReadonlyMap<string, number>;
  /**
   * Nullable references that close a cycle of tables. No order of inserting follows them, so a flush that sets one is
   * written by SQL.
   */
  readonly closing: ReadonlySet<string>;
  /** True if such a reference ends here: deletes of this type's rows are written by SQL too. */
  readonly closesCycle: boolean;
  /**
   * Properties that a new row has as null if they are not set. Only types that refer to themselves have them: one
   * statement can write rows that refer to each other, and it needs the same columns for all of them.
   */
  readonly nulls: readonly string[];
  /** True if records keep the loaded values, because the conflict strategy or the detection compares them. */
  readonly keepsOriginals: boolean;
  /**
   * `drain`: a row has parts that cannot be laid over (formulas, generated columns, inverse one-to-one), so its pending
   * changes are written before it is read.
   */
  readonly lookups: 'overlay' | 'drain';
  /** Properties for reading only (`persist: false`), each with the written property that has the same column. */
  readonly readAlso: readonly { readonly name: string; readonly of: string }[];
}

/**
 * MikroORM's names of tables. They leave out the default schema, even if it is named: PostgreSQL then looks along the
 * search path.
 */
export interface DriverOfTables {
  /** The name of the entity's table as MikroORM writes it into statements. */
  getTableName(meta: EntityMetadata, options: { readonly schema?: string | undefined }): string;
  /** The schema in which MikroORM reads and writes the entity's rows, if this one was asked for. */
  getSchemaName(meta: EntityMetadata, options: { readonly schema?: string | undefined }): string | undefined;
}

export interface PropertyValue {
  readonly property: EntityProperty;
  readonly column: string;
  readonly value: ColumnValue;
  /** The default that the database would put in when the property is not set, if Spillway can make it itself. */
  readonly absent?: DefaultValue;
}

/** The primary key of a write-behind entity, column by column, in the order of the row key's texts. */
export interface EntityKey {
  readonly columns: readonly KeyColumn[];
  /**
   * True if the database numbers the rows: Spillway then takes blocks of numbers from the sequence of the only column.
   */
  readonly sequence: boolean;
}

export interface KeyColumn {
  /** The property that the column belongs to; a reference may have several. */
  readonly property: EntityProperty;
  /** The scalar property that the column's values come from, here or in the row that is referred to. */
  readonly leaf: EntityProperty;
  readonly column: Column;
  /** The one text of a value in database form. */
  readonly name: KeyText;
  /** A value of the entity in database form. */
  readonly toDatabase: (value: unknown) => unknown;
  /** Turns a text back into the value that the driver answers for the column. */
  readonly toRow: (text: string) => unknown;
  /** The default that the database would put in when the key is not set. */
  readonly absent?: DefaultValue;
}
