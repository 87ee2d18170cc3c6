/**
 * Lets queries that drain the same types share one drain. None of them misses a change that was acknowledged before the
 * query began.
 *
 * A drain covers the changes that were staged before it looked into the staging store. A query may therefore join only
 * a drain that has not looked yet. The first query's drain looks at once. All queries that arrive meanwhile wait for
 * the next drain, which they share; it begins as soon as the first has looked.
 */
export class SharedDrains<Outcome> {
  /** Drains that have not begun. */
  readonly #next = new Map<string, Promise<Outcome>>();
  /** Drains that are looking. */
  readonly #looking = new Map<string, Promise<void>>();

  /**
   * @param scope names the drained types: equal names share
   * @param drain calls `looked` once it knows which records it has to write
   */
  async join(scope: string, drain: (looked: () => void) => Promise<Outcome>): Promise<Outcome> {
    const next = this.#next.get(scope);
    if (next) return next;
    const looking = this.#looking.get(scope);
    if (!looking) return this.#begin(scope, drain);
    const shared = looking.then(async () => {
      this.#next.delete(scope);
      return this.#begin(scope, drain);
    });
    this.#next.set(scope, shared);
    return shared;
  }

  async #begin(scope: string, drain: (looked: () => void) => Promise<Outcome>): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#looking.set(scope, promise);
    const looked = (): void => {
      if (this.#looking.get(scope) === promise) this.#looking.delete(scope);
      resolve();
    };
    try {
      return await drain(looked);
    } finally {
      looked();
    }
  }
}
