import { Reference, type AnyEntity, ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { scalarsOf } from '../describe/property-columns.js';
import { knownRowKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/**
 * The write-behind rows that rows of a call refer to: by a foreign key, or as members of a collection that owns a pivot
 * table.
 */
export function referredRows(types: TypeRegistry, meta: EntityMetadata, rows: readonly object[]): RowKey[] {
  const found = new Set<RowKey>();
  for (const relation of meta.relations) {
    const type = types.of(relation.targetMeta);
    if (!type) continue;
    const scalars = scalarsOf(meta, relation);
    for (const row of rows) {
      const given: unknown = scalars?.map(({ name }) => Reflect.get(row, name)) ?? Reflect.get(row, relation.name);
      for (const value of valuesOf(relation, given)) {
        const key = keyOf(type, value);
        if (key !== undefined) found.add(key);
      }
    }
  }
  return [...found];
}

/** Collections are lists of rows; elsewhere a list is one key of several columns. */
function valuesOf({ kind }: EntityProperty, value: unknown): readonly unknown[] {
  return kind === ReferenceKind.MANY_TO_MANY && Array.isArray(value) ? value : [value];
}

/** A key, an entity, a reference, or an object that holds the key. The statement itself will refuse anything else. */
function keyOf(type: WriteBehindType, value: unknown): RowKey | undefined {
  try {
    return knownRowKey(type, value && Reference.unwrapReference(value as AnyEntity));
  } catch {
    // A value that is not of the key's type names no row of the table.
    return undefined;
  }
}
