import type { DueScope } from '../../staging/staging-store.js';
import type { TypeRegistry } from './type-registry.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The scope of a drain with everything that it refers to: a row whose parent is pending cannot be written before it. Rows become whole tables where they have parents, because only
 * their records know which parents those are.
 */
export function withParents(scope: DueScope, types: TypeRegistry): DueScope {
  if (scope.kind === 'all') return scope;
  const all = new Set<WriteBehindType>();
  for (const root of typesOf(scope, types)) collect(root, types, all);
  if (scope.kind === 'rows' && [...all].every((type) => type.table.references.length === 0)) return scope;
  return { kind: 'tables', tables: [...all].map(({ table }) => ({ schema: table.schema, table: table.name })) };
}

/** The types whose rows a scope names. */
export function typesOf(scope: DueScope, types: TypeRegistry): readonly WriteBehindType[] {
  if (scope.kind === 'all') return types.inAnyMode;
  const found =
    scope.kind === 'rows'
      ? scope.keys.map((key) => types.ofRow(key))
      : scope.tables.map(({ schema, table }) => types.ofTable(schema, table));
  return [...new Set(found.filter((type) => type !== undefined))];
}

function collect(type: WriteBehindType, types: TypeRegistry, into: Set<WriteBehindType>): void {
  if (into.has(type)) return;
  into.add(type);
  for (const { target } of type.table.references) {
    const parent = types.ofTable(target.schema, target.table);
    if (parent) collect(parent, types, into);
  }
}
