import {
  ReferenceKind,
  type AnyEntity,
  type Collection,
  type EntityMetadata,
  type EntityProperty,
} from '@mikro-orm/core';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * Rows of a collection that was set without having been loaded. MikroORM finds them by their reference to its owner.
 */
interface SoughtRows {
  readonly meta: EntityMetadata;
  /** True if the rows are deleted; otherwise they lose their reference. */
  readonly areRemoved: boolean;
}

/**
 * The rows that MikroORM itself finds by a condition when it writes these collections: those of one-to-many collections
 * that were set or emptied without having been loaded. One statement takes the reference from every row that the
 * collection does not name, or deletes these rows where the relation removes orphans. The driver has no hook for it.
 */
export function soughtRows(collections: Iterable<Collection<AnyEntity>>): SoughtRows[] {
  return [...collections].flatMap((collection) => {
    // A collection finds its property by looking for itself in its owner. A collection that is put off is not there; it
    // is always many-to-many.
    const property = collection.property as EntityProperty | undefined;
    const isSought = property?.kind === ReferenceKind.ONE_TO_MANY && collection.getSnapshot() === undefined;
    return isSought && property.targetMeta
      ? [{ meta: property.targetMeta, areRemoved: property.orphanRemoval === true }]
      : [];
  });
}

/** The write-behind types of those rows, and of the rows that the database itself changes when they go. */
export function typesSought(
  types: TypeRegistry,
  collections: Iterable<Collection<AnyEntity>>,
): ReadonlySet<WriteBehindType> {
  const found = soughtRows(collections).flatMap(({ meta, areRemoved }) => [
    types.of(meta),
    ...(areRemoved ? types.pendingFollowers(meta, false) : []),
  ]);
  return new Set(found.filter((type) => type !== undefined));
}
