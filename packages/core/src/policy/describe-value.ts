/** A number, or a duration, as a developer may have written it. */
const NUMBER = /^[-+]?\d[\d.,_]{0,30} ?[a-z]{0,12}$/i;
const SHORT_WORD = /^[a-z]{0,10}$/i;

/**
 * A value as a message shows it. Strings are quoted, so that `'5'` and `5` can be told apart. Most texts are hidden,
 * because a value given to the wrong option may be a password, or a URL with one. Shown are only texts that look like
 * the value of an option: numbers, short words, and near misses of the choices.
 */
export function describeValue(value: unknown, choices: readonly string[] = []): string {
  if (typeof value === 'string') {
    const isShown = NUMBER.test(value) || SHORT_WORD.test(value) || (value.length < 40 && closest(value, choices));
    return isShown ? `'${value}'` : `a text of ${value.length} characters`;
  }
  if (typeof value === 'function') {
    return 'a function';
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** The name of an unknown option. It is shown if it looks like an option's name. */
export function describeName(name: string): string {
  return /^[\w$.-]{1,40}$/.test(name) ? `"${name}"` : `with a name of ${name.length} characters`;
}

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
