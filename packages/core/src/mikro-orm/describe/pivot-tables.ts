import type { EntityMetadata, MetadataStorage } from '@mikro-orm/core';
import { unsupported } from './unsupported.js';

/**
 * MikroORM writes the rows of a pivot table by SQL, even if the pivot table is an entity of its own (`pivotEntity`).
 * This SQL would not see staged changes of that entity.
 * @throws SpillwayError `ENTITY_UNSUPPORTED`
 */
export function assertNoPivotTables(decorated: Iterable<EntityMetadata>, storage: MetadataStorage): void {
  const pivots = new Map<unknown, string>();
  for (const meta of storage.getAll().values()) {
    for (const { pivotEntity, name } of meta.relations) {
      const pivot = pivotEntity && storage.find(pivotEntity);
      if (pivot) pivots.set(pivot.class, `${meta.className}.${name}`);
    }
  }
  for (const meta of decorated) {
    const relation = pivots.get(meta.class);
    if (relation !== undefined)
      throw unsupported(
        meta.className,
        `it is the pivot table of ${relation}, whose rows are written by SQL`,
        'Map that relation as a one-to-many relation to it',
      );
  }
}
