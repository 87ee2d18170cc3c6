/**
 * A map that forgets: two generations. When the younger is full or old, the older is dropped. An entry lives for one to
 * two generations.
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

  /** Begins a new generation if the younger is `maxAgeMs` old, or holds `maxEntries` and is `minAgeMs` old. */
  age(nowMs: number, maxAgeMs: number, maxEntries: number, minAgeMs: number): void {
    const ageMs = nowMs - this.#bornMs;
    if (ageMs < maxAgeMs && (this.#young.size < maxEntries || ageMs < minAgeMs)) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#bornMs = nowMs;
  }
}
