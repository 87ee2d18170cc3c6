import type { StagingStore } from '../../../src/staging/staging-store.js';

/**
 * The calls that change a store; what they do depends on their arguments and on the calls before them, and on nothing
 * else.
 */
const CHANGING = new Set(['adopt', 'stage', 'fence', 'claim', 'acknowledge', 'park']);

/**
 * A staging store that can fall back to an older state of itself, as Redis does when a replica takes over that lagged.
 */
export class ForgetfulStaging {
  readonly store: StagingStore;
  #current: StagingStore;
  #history: { readonly name: string; readonly args: readonly unknown[] }[] = [];
  readonly #empty: () => StagingStore;

  constructor(empty: () => StagingStore) {
    this.#empty = empty;
    this.#current = empty();
    this.store = new Proxy({} as StagingStore, {
      get: (_target, name: string) => {
        const member: unknown = Reflect.get(this.#current, name);
        if (typeof member !== 'function') {
          return member;
        }
        return (...args: readonly unknown[]): unknown => {
          if (CHANGING.has(name)) {
            this.#history.push({ name, args });
          }
          return Reflect.apply(member, this.#current, args);
        };
      },
    });
  }

  /** A name for the state as it is now. */
  now(): number {
    return this.#history.length;
  }

  /** Goes back to a state by living through all that led to it once more. */
  async fallBack(to: number): Promise<void> {
    this.#history = this.#history.slice(0, to);
    this.#current = this.#empty();
    for (const { name, args } of this.#history) {
      const method = Reflect.get(this.#current, name) as (...args: readonly unknown[]) => Promise<unknown>;
      await Reflect.apply(method, this.#current, args);
    }
  }
}
