/**
 * Parent tables of each table, by name. A table's reference to itself does not count: PostgreSQL checks it at the end
 * of the statement.
 */
export type References = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Table -> position, every parent before its children; or a cycle, as the names on it, for which there is no such
 * order.
 */
export function commitOrder(
  references: References,
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
