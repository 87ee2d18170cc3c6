import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { VersionText } from '../../change/change.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import type { Table } from '../../sink/table.js';
import type { ColumnValue } from '../values/column-value.js';
import type { DefaultValue } from './default-value.js';
import type { EntityKey } from './entity-key.js';
import type { SingleTable } from './single-table.js';
import type { UniqueProperties } from './unique-properties.js';
import type { VersionKind } from '../values/version-text.js';

/** One entity that is written behind: what its metadata says, in the terms of the engine. Made once, at discovery. */
export interface WriteBehindType {
  readonly meta: EntityMetadata;
  readonly policy: ResolvedPolicy;
  readonly table: Table;
  /** Whether a schema that was asked for (`em.fork({ schema })`) is the one whose rows are written behind; others are left to SQL. */
  readonly isIn: (schema: string | undefined) => boolean;
  readonly key: EntityKey;
  /** The classes that share the table, if there are several; `meta` is then their root. */
  readonly family?: SingleTable;
  readonly version?: {
    readonly property: EntityProperty;
    readonly kind: VersionKind;
    /** Of a new row, where that is not 1 or now. */
    readonly initial?: VersionText;
  };
  /** Persisted values by the name that they have in records (see `valueName`): the property's, but for references of several columns. Primary key and version excluded. */
  readonly values: ReadonlyMap<string, PropertyValue>;
  /** What a pending row may have taken or given up, and another one may want. */
  readonly unique: UniqueProperties;
  /** Properties that only the database can make: an insert that leaves one of them unset is written by SQL. */
  readonly databaseMade: readonly string[];
  /** Counter properties -> digits after the point. */
  readonly counters: ReadonlyMap<string, number>;
  /** Nullable references that close a cycle of tables: no order of inserting follows them, so a flush that sets one is written by SQL. */
  readonly closing: ReadonlySet<string>;
  /** Whether such a reference ends here: deletes of its rows are written by SQL too. */
  readonly closesCycle: boolean;
  /**
   * Properties that a new row has as null where they are not set. Only of a type that refers to itself: rows that refer to each other can be written by one statement, and that takes the same columns.
   */
  readonly nulls: readonly string[];
  /** Whether records keep the loaded values: the conflict strategy or the detection compares them. */
  readonly keepsOriginals: boolean;
  /** `drain`: a row has parts that cannot be laid over (formulas, generated columns, inverse one-to-one), so its pending changes are written before it is read. */
  readonly lookups: 'overlay' | 'drain';
}

export interface PropertyValue {
  readonly property: EntityProperty;
  readonly column: string;
  readonly value: ColumnValue;
  /** What the database would put in when the property is not set, as far as Spillway can make it itself. */
  readonly absent?: DefaultValue;
}
