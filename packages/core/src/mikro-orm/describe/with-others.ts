import { tableOf } from '../../change/row-key.js';
import type { DueScope, TableScope } from '../../staging/look-side.js';
import type { TypeRegistry } from './type-registry.js';
import type { WriteBehindType } from './write-behind-type.js';

/**
 * The scope of a drain with everything that its rows may have to wait for. A row whose parent is pending cannot be
 * written before it, nor can a row that gets the unique value of another one. Rows become whole tables: only records
 * know their parents, and only PostgreSQL knows which row has the value.
 */
export function withOthers(scope: DueScope, types: TypeRegistry): DueScope {
  if (scope.kind === 'all') return scope;
  const all = new Set<WriteBehindType>();
  for (const root of typesOf(scope, types)) collect(root, types, all);
  // Rows of a table that no entity of this process has.
  if (all.size === 0) return scope;
  return tableScope([...all], types);
}

/** Everything that is pending of these types. */
export function tableScope(wanted: readonly WriteBehindType[], types: TypeRegistry): TableScope {
  const tables = wanted.map(tableOf);
  // By table, not by class: records that other classes, of this application or of another release, have staged for a
  // wanted table count.
  const others = types.all.filter(
    ({ table }) => !tables.some((each) => each.schema === table.schema && each.table === table.name),
  );
  return { kind: 'tables', tables, others: others.map(({ meta }) => meta.className) };
}

/** The types whose rows a scope names. */
export function typesOf(scope: DueScope, types: TypeRegistry): readonly WriteBehindType[] {
  if (scope.kind === 'all') return types.inAnyMode;
  const found =
    scope.kind === 'rows'
      ? scope.keys.map((key) => types.ofRow(key))
      : scope.tables.map((table) => types.ofTable(table));
  return [...new Set(found.filter((type) => type !== undefined))];
}

function collect(type: WriteBehindType, types: TypeRegistry, into: Set<WriteBehindType>): void {
  if (into.has(type)) return;
  into.add(type);
  for (const { target } of type.table.references) {
    const parent = types.ofTable(target);
    if (parent) collect(parent, types, into);
  }
}
