/**
 * A map from property names to texts from outside. It has no prototype, so a property called `__proto__` or
 * `constructor` is a property like any other.
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
