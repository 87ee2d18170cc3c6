import type { RowKey } from '../change/row-key.js';
import type { DueScope } from '../staging/staging-store.js';
import type { TypeRegistry } from './type-registry.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The scope of a drain with everything that it refers to: a row whose parent is pending cannot be written before it. Rows become whole tables where they have parents, because only
 * their records know which parents those are.
 */
export function withParents(scope: DueScope, types: TypeRegistry): DueScope {
  if (scope.kind === 'all') return scope;
  const roots =
    scope.kind === 'rows'
      ? typesOfRows(scope.keys, types)
      : scope.tables.map(({ schema, table }) => types.ofTable(schema, table));
  const all = new Set<WriteBehindType>();
  for (const root of roots) if (root) collect(root, types, all);
  if (scope.kind === 'rows' && [...all].every((type) => type.table.references.length === 0)) return scope;
  return { kind: 'tables', tables: [...all].map(({ table }) => ({ schema: table.schema, table: table.name })) };
}

function typesOfRows(keys: readonly RowKey[], types: TypeRegistry): readonly (WriteBehindType | undefined)[] {
  return [...new Set(keys.map((key) => types.ofRow(key)))];
}

function collect(type: WriteBehindType, types: TypeRegistry, into: Set<WriteBehindType>): void {
  if (into.has(type)) return;
  into.add(type);
  for (const { target } of type.table.references) {
    const parent = types.ofTable(target.schema, target.table);
    if (parent) collect(parent, types, into);
  }
}
