import type { PropertyName, AnyEntity } from './entity-types.js';

/**
 * A row that is not as a change expects it, with its values as the entity has them: dates are `Date`, custom types are
 * converted, a reference is the primary key of its target.
 */
export interface Conflict<Entity extends object = AnyEntity> {
  /** Name of the entity. */
  readonly entity: string;
  /** Primary key of the row; an array if it is composite. */
  readonly key: PrimaryKeyOf<Entity>;
  /**
   * The changed properties as they were when the entity was loaded, without those that `onUpdate` sets; empty where the
   * policy does not keep them.
   */
  readonly base: EntityValues<Entity>;
  /** The properties that the pending change sets. */
  readonly ours: EntityValues<Entity>;
  /** The row as it is in the database. */
  readonly theirs: EntityValues<Entity>;
  /** Names of the properties whose value in the database differs from `base`. */
  readonly changed: readonly PropertyName<Entity>[];
  /** How often the database has rejected this record on its own. */
  readonly attempt: number;
}

/**
 * The decision on a conflict: our properties are written, the database's row stays, the record becomes a dead
 * letter, or the given properties are written. Differences of counters are applied in each case.
 */
export type Decision<Entity extends object = AnyEntity> =
  | 'overwrite'
  | 'keep-database'
  | 'dead-letter'
  | { readonly write: EntityValues<Entity> };

/**
 * Decides a conflict. It is called inside the transaction that writes the batch, so it must be quick, synchronous and
 * free of side effects: the transaction may be rolled back and the conflict decided again. If it throws, the record is
 * buried.
 *
 * @example
 * ```ts
 * @WriteBehind<Product>({ conflict: ({ changed }) => (changed.includes('price') ? 'dead-letter' : 'overwrite') })
 * ```
 */
export type ConflictFunction<Entity extends object = AnyEntity> = (conflict: Conflict<Entity>) => Decision<Entity>;

/** Some of an entity's properties with their values. Methods and collections are no part of a row. */
export type EntityValues<Entity> = {
  readonly [Name in PropertyName<Entity> as InRow<Entity[Name]> extends true ? Name : never]?: ValueOf<Entity[Name]>;
};

type InRow<Value> = NonNullable<Value> extends ((...args: never[]) => unknown) | Collection ? false : true;

type ValueOf<Value> = Value extends { unwrap(): infer Target }
  ? ValueOf<NonNullable<Target>>
  : Value extends Keyed
    ? PrimaryKeyOf<Value>
    : Value;

type PrimaryKeyOf<Entity> = Entity extends
  | { readonly id: infer Key }
  | { readonly uuid: infer Key }
  | { readonly _id: infer Key }
  ? Key
  : unknown;

type Keyed = { readonly id: unknown } | { readonly uuid: unknown } | { readonly _id: unknown };

interface Collection {
  getItems(...args: never[]): readonly unknown[];
}
