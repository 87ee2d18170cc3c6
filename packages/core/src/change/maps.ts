/**
 * A map from property names to texts from outside. It inherits nothing, so a property called `__proto__` or
 * `constructor` is a property like any other.
 */
export type TextMap = Readonly<Record<string, string>>;

/**
 * The engine keeps an object without a prototype as a hash table, and an object of a constructor by its shape: records
 * with the same properties then share one shape, which makes reading them several times faster.
 */
const Texts = function Texts() {} as unknown as { new (): Record<string, string>; prototype: object };
Texts.prototype = Object.freeze(Object.create(null) as object);

const EMPTY: TextMap = Object.freeze(emptyMap());

export function emptyMap(): Record<string, string> {
  return new Texts();
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
