/**
 * The known name that a misspelt one probably means: the nearest by edit distance, if it is near enough for a guess.
 */
export function closest(given: string, known: readonly string[]): string | undefined {
  const enough = Math.max(1, Math.floor(given.length / 3));
  const ranked = known
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .toSorted((one, other) => one.distance - other.distance);
  const nearest = ranked[0];
  return nearest && nearest.distance <= enough ? nearest.name : undefined;
}

/** Levenshtein's distance: how many letters are added, removed or replaced. Only one row of the table is kept. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(to).entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
