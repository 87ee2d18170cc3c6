import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import type { ForeignKey } from '../../sink/table.js';
import { scalarsOf, valueName } from './property-columns.js';
import { hasColumn, unsupported } from './unsupported.js';

/** The order of writes that the references between write-behind entities require. */
export interface References {
  /** Class name -> position, parents first. */
  readonly order: ReadonlyMap<string, number>;
  /** References that this order does not follow, because they close a cycle. */
  readonly closing: ReadonlySet<EntityProperty>;
}

/**
 * Finds an order in which all rows can be inserted. A cycle is opened at a nullable reference: rows can be inserted
 * without it.
 * @throws SpillwayError `ENTITY_UNSUPPORTED` for a cycle without one.
 */
export function describeReferences(metas: readonly EntityMetadata[]): References {
  const closing = new Set<EntityProperty>();
  const ignored = new Set<EntityProperty>();
  for (;;) {
    const result = commitOrder(parentsByName(metas, new Set([...closing, ...ignored])));
    if ('order' in result) return { order: result.order, closing };
    const { meta, references } = opened(edgesOf(metas, result.cycle), result.cycle);
    for (const property of references) (isLoose(meta, property) ? ignored : closing).add(property);
  }
}

/** MikroORM makes no constraint for a relation that is for reading only, so the database may have none. */
function isLoose(meta: EntityMetadata, property: EntityProperty): boolean {
  return scalarsOf(meta, property) !== undefined;
}

function parentsByName(
  metas: readonly EntityMetadata[],
  without: ReadonlySet<EntityProperty>,
): Map<string, ReadonlySet<string>> {
  const names = new Set(metas.map(({ className }) => className));
  return new Map(
    metas.map((meta) => {
      const parents = meta.relations
        .filter((property) => refers(meta, property) && !without.has(property))
        .map(({ targetMeta }) => targetMeta?.root.className ?? '');
      return [meta.className, new Set(parents.filter((parent) => names.has(parent)))];
    }),
  );
}

/** True if rows of the entity hold the key of the row that the property refers to. */
function refers(meta: EntityMetadata, property: EntityProperty): boolean {
  return hasColumn(property) || isLoose(meta, property);
}

interface Edge {
  readonly meta: EntityMetadata;
  readonly references: readonly EntityProperty[];
}

/** The references from each entity of a cycle to the next. */
function edgesOf(metas: readonly EntityMetadata[], cycle: readonly string[]): Edge[] {
  return cycle.slice(0, -1).flatMap((child, position) => {
    const meta = metas.find(({ className }) => className === child);
    if (!meta) return [];
    const parent = cycle[position + 1];
    const references = meta.relations.filter(
      (property) => refers(meta, property) && property.targetMeta?.root.className === parent,
    );
    return [{ meta, references }];
  });
}

/**
 * Opens a cycle: at references without a constraint, or else between the first two neighbours whose references are all
 * nullable.
 */
function opened(edges: readonly Edge[], cycle: readonly string[]): Edge {
  const edge =
    edges.find(({ meta, references }) => references.every((each) => isLoose(meta, each))) ??
    edges.find(({ meta, references }) => references.every((each) => each.nullable === true || isLoose(meta, each)));
  if (edge) return edge;
  throw unsupported(
    cycle[0] ?? '',
    `its references form a cycle (${cycle.join(' -> ')}), for which there is no order of inserting`,
    'Make one of them nullable',
  );
}

/**
 * The references of an entity to rows that are staged too, by their primary keys. References by another unique value
 * are left out: such a value does not tell the key of the row.
 */
export function foreignKeys(
  meta: EntityMetadata,
  tableOf: (target: EntityMetadata) => ForeignKey['target'] | undefined,
): ForeignKey[] {
  const keyColumns = meta.getPrimaryProps().flatMap(({ fieldNames }) => fieldNames);
  return meta.relations.flatMap((property) => {
    const target = refers(meta, property) && property.targetMeta ? tableOf(property.targetMeta.root) : undefined;
    if (!target || property.targetKey !== undefined) return [];
    const scalars = scalarsOf(meta, property);
    const parts = property.fieldNames.map((column, position) => {
      const writer = scalars?.[position] ?? property;
      return writer.primary ? { key: keyColumns.indexOf(column) } : { value: valueName(writer, column) };
    });
    return [{ parts, target }];
  });
}

/**
 * Parent tables of each table, by name. A table's reference to itself does not count: PostgreSQL checks it at the end
 * of the statement.
 */
export type ParentTables = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Table -> position, every parent before its children; or a cycle, as the names on it, for which there is no such
 * order.
 */
export function commitOrder(
  references: ParentTables,
): { readonly order: ReadonlyMap<string, number> } | { readonly cycle: readonly string[] } {
  const order = new Map<string, number>();
  const path: string[] = [];

  function visit(table: string): readonly string[] | undefined {
    if (order.has(table)) return undefined;
    if (path.includes(table)) return [...path.slice(path.indexOf(table)), table];
    path.push(table);
    for (const parent of references.get(table) ?? []) {
      const cycle = parent === table ? undefined : visit(parent);
      if (cycle) return cycle;
    }
    path.pop();
    order.set(table, order.size);
    return undefined;
  }

  for (const table of [...references.keys()].toSorted()) {
    const cycle = visit(table);
    if (cycle) return { cycle };
  }
  return { order };
}
