/**
 * Maps from property names to texts that come from outside: without a prototype, so that a property may be called `__proto__` or `constructor` and is
 * a property like any other.
 */
export type TextMap = Readonly<Record<string, string>>;

const EMPTY: TextMap = Object.freeze(emptyMap());

export function emptyMap(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

/** The one empty map, for the many records that have no differences or originals. */
export function noEntries(): TextMap {
  return EMPTY;
}

export function copyMap(from: TextMap): Record<string, string> {
  const map = emptyMap();
  for (const name of Object.keys(from)) map[name] = from[name] as string;
  return map;
}
