/** A circle in a graph, as the nodes along it with the first one again at the end; `undefined` where there is none. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const search = (node: string, trail: readonly string[]): readonly string[] | undefined => {
    if (done.has(node)) return undefined;
    const at = trail.indexOf(node);
    if (at >= 0) return [...trail.slice(at), node];
    for (const next of edges.get(node) ?? []) {
      const cycle = search(next, [...trail, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of edges.keys()) {
    const cycle = search(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}
