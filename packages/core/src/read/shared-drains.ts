/** How a query's drain has ended. */
export interface Joined<Outcome> {
  readonly outcome: Outcome;
  /** How the drain ended that ran when the query came; `undefined`: it failed, or took too long. */
  readonly before?: { readonly outcome: Outcome | undefined };
}

interface Running<Outcome> {
  readonly drain: Promise<Outcome>;
  readonly beganMs: number;
}

/**
 * Lets queries that drain the same types share one drain. None of them misses a change that was acknowledged before the
 * query began.
 *
 * A drain covers the changes that were staged before it looked into the staging store. A query may therefore join only
 * a drain that has not begun. The first query's drain begins at once. All queries that come while it runs wait for the
 * next drain, which they share: it would have to wait for most of the same shards anyway. The next drain begins when
 * the first has ended, or has run so long that something may hold it up that does not concern the others.
 */
export class SharedDrains<Outcome> {
  /** Drains that have not begun. */
  readonly #next = new Map<string, Promise<Joined<Outcome>>>();
  /** The latest drain of each scope that has begun, until it has ended. */
  readonly #running = new Map<string, Running<Outcome>>();

  /**
   * @param scope names the drained types: equal names share
   * @param patienceMs a drain that has run for so long holds up the next one no more
   * @param drain is told how long its first query has waited, milliseconds
   */
  async join(
    scope: string,
    patienceMs: number,
    drain: (waitedMs: number) => Promise<Outcome>,
  ): Promise<Joined<Outcome>> {
    const next = this.#next.get(scope);
    if (next) return next;
    const running = this.#running.get(scope);
    if (!running) return { outcome: await this.#begin(scope, async () => drain(0)) };
    const shared = this.#after(running, scope, patienceMs, drain);
    this.#next.set(scope, shared);
    return shared;
  }

  async #after(
    running: Running<Outcome>,
    scope: string,
    patienceMs: number,
    drain: (waitedMs: number) => Promise<Outcome>,
  ): Promise<Joined<Outcome>> {
    const comeMs = performance.now();
    const before = await endOf(running.drain, running.beganMs + patienceMs - comeMs);
    this.#next.delete(scope);
    return { outcome: await this.#begin(scope, async () => drain(performance.now() - comeMs)), before };
  }

  async #begin(scope: string, begin: () => Promise<Outcome>): Promise<Outcome> {
    const running = { drain: begin(), beganMs: performance.now() };
    this.#running.set(scope, running);
    try {
      return await running.drain;
    } finally {
      if (this.#running.get(scope) === running) this.#running.delete(scope);
    }
  }
}

/** The outcome of a drain, `undefined` if it has failed or not ended in time. */
async function endOf<Outcome>(
  drain: Promise<Outcome>,
  timeoutMs: number,
): Promise<{ readonly outcome: Outcome | undefined }> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const patience = setTimeout(resolve, Math.max(0, timeoutMs), undefined);
  try {
    const ended = drain.catch(() => undefined);
    return { outcome: await Promise.race([ended, tooLate]) };
  } finally {
    clearTimeout(patience);
  }
}
