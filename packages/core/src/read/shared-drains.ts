/** A drain that takes longer than this holds up the next one no more. Milliseconds. */
const PATIENCE_MS = 100;

/**
 * Lets queries that drain the same types share one drain. None of them misses a change that was acknowledged before the
 * query began.
 *
 * A drain covers the changes that were staged before it looked into the staging store. A query may therefore join only
 * a drain that has not begun. The first query's drain begins at once. All queries that arrive while it runs wait for
 * the next drain, which they share: it would have to wait for most of the same shards anyway. It begins when the first
 * has ended, or has taken so long that something may hold it up that does not concern the others.
 */
export class SharedDrains<Outcome> {
  /** Drains that have not begun. */
  readonly #next = new Map<string, Promise<Outcome>>();
  /** The latest drain of each scope that has begun, until it has ended. */
  readonly #running = new Map<string, Promise<Outcome>>();

  /** @param scope names the drained types: equal names share */
  async join(scope: string, drain: () => Promise<Outcome>): Promise<Outcome> {
    const next = this.#next.get(scope);
    if (next) return next;
    const running = this.#running.get(scope);
    if (!running) return this.#begin(scope, drain);
    const shared = endOf(running).then(async () => {
      this.#next.delete(scope);
      return this.#begin(scope, drain);
    });
    this.#next.set(scope, shared);
    return shared;
  }

  async #begin(scope: string, drain: () => Promise<Outcome>): Promise<Outcome> {
    const running = drain();
    this.#running.set(scope, running);
    try {
      return await running;
    } finally {
      if (this.#running.get(scope) === running) this.#running.delete(scope);
    }
  }
}

/** Resolves when the drain has ended, however it ended, or after the patience. */
function endOf(drain: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const patience = setTimeout(resolve, PATIENCE_MS);
  const ended = (): void => {
    clearTimeout(patience);
    resolve();
  };
  drain.then(ended, ended);
  return promise;
}
