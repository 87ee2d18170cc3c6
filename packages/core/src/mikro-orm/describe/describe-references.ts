import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { ForeignKey } from '../../sink/table.js';
import { commitOrder } from './commit-order.js';
import { valueName } from './property-columns.js';
import { hasColumn, unsupported } from './unsupported.js';

/** What the references between write-behind entities mean for the order of their writes. */
export interface References {
  /** Class name -> position, parents first. */
  readonly order: ReadonlyMap<string, number>;
  /** References that this order does not follow, because they close a cycle. */
  readonly closing: ReadonlySet<EntityProperty>;
}

/**
 * Finds an order in which all rows can be inserted. A cycle is opened at a nullable reference: rows can be inserted without it.
 * @throws SpillwayError `ENTITY_UNSUPPORTED` for a cycle without one.
 */
export function describeReferences(metas: readonly EntityMetadata[]): References {
  const closing = new Set<EntityProperty>();
  for (;;) {
    const result = commitOrder(parentsByName(metas, closing));
    if ('order' in result) return { order: result.order, closing };
    for (const property of opening(metas, result.cycle)) closing.add(property);
  }
}

function parentsByName(
  metas: readonly EntityMetadata[],
  without: ReadonlySet<EntityProperty>,
): Map<string, ReadonlySet<string>> {
  const names = new Set(metas.map(({ className }) => className));
  return new Map(
    metas.map((meta) => {
      const parents = meta.relations
        .filter((property) => hasColumn(property) && !without.has(property))
        .map(({ targetMeta }) => targetMeta?.root.className ?? '');
      return [meta.className, new Set(parents.filter((parent) => names.has(parent)))];
    }),
  );
}

/** The references between the first two neighbours on the cycle that are nullable, all of them. */
function opening(metas: readonly EntityMetadata[], cycle: readonly string[]): EntityProperty[] {
  for (const [position, child] of cycle.slice(0, -1).entries()) {
    const meta = metas.find(({ className }) => className === child);
    const references = (meta?.relations ?? []).filter(
      (property) => hasColumn(property) && property.targetMeta?.root.className === cycle[position + 1],
    );
    if (references.every(({ nullable }) => nullable)) return references;
  }
  throw unsupported(
    cycle[0] ?? '',
    `its references form a cycle (${cycle.join(' -> ')}), for which there is no order of inserting`,
    'Make one of them nullable',
  );
}

/** The references of an entity to rows that are staged too, by their primary keys: other unique values say nothing of the row that is meant. */
export function foreignKeys(
  meta: EntityMetadata,
  tableOf: (target: EntityMetadata) => ForeignKey['target'] | undefined,
): ForeignKey[] {
  const keyColumns = meta.getPrimaryProps().flatMap(({ fieldNames }) => fieldNames);
  return meta.relations.flatMap((property) => {
    const target = hasColumn(property) && property.targetMeta ? tableOf(property.targetMeta.root) : undefined;
    if (!target || property.targetKey !== undefined) return [];
    const parts = property.fieldNames.map((column) =>
      property.primary ? { key: keyColumns.indexOf(column) } : { value: valueName(property, column) },
    );
    return [{ parts, target }];
  });
}
