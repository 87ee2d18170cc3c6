/**
 * Lets queries that want the same types drained share one drain, without any of them missing a change that was acknowledged before it began.
 *
 * A drain covers what was staged before it looked into the staging store. So a query may join one that has not looked yet, and never one that has. The first query's drain looks at
 * once; all that arrive while it is looking wait for the next one, which they share, and which begins as soon as the first has looked.
 */
export class SharedDrains<Outcome> {
  /** Drains that have not begun. */
  readonly #next = new Map<string, Promise<Outcome>>();
  /** Drains that are looking. */
  readonly #looking = new Map<string, Promise<void>>();

  /**
   * @param scope names what is drained: equal names share
   * @param drain calls `looked` once it knows what it has to write
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
