/**
 * A map that forgets: two generations, of which the older is dropped when the younger is full or old. An entry lives for one to two generations.
 */
export class Generations<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  #bornMs: number;

  constructor(nowMs: number) {
    this.#bornMs = nowMs;
  }

  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  set(key: K, value: V): void {
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  deleteWhere(isGone: (key: K) => boolean): void {
    for (const generation of [this.#young, this.#old]) {
      for (const key of generation.keys()) if (isGone(key)) generation.delete(key);
    }
  }

  /** Begins a new generation if the younger is older than `maxAgeMs`, or holds `maxEntries` and is older than `minAgeMs`. */
  age(nowMs: number, maxAgeMs: number, maxEntries: number, minAgeMs: number): void {
    const ageMs = nowMs - this.#bornMs;
    if (ageMs < maxAgeMs && (this.#young.size < maxEntries || ageMs < minAgeMs)) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bornMs = nowMs;
  }
}
