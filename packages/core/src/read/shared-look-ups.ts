/**
 * Combines look-ups that arrive while another one runs: they leave as one when it has ended. A thousand readers of a
 * few hot rows therefore ask the ledger a few times, and need one connection. A running look-up is never joined,
 * because its answer may be older than the question.
 */
export class SharedLookUps<Key, Value> {
  readonly #lookUp: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
  #next: Waiting<Key, Value> | undefined;
  #isRunning = false;

  constructor(lookUp: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>) {
    this.#lookUp = lookUp;
  }

  /** The entries found, perhaps more than were asked for. */
  async find(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>> {
    this.#next ??= { keys: new Set(), ...Promise.withResolvers<ReadonlyMap<Key, Value>>() };
    const { promise, keys: wanted } = this.#next;
    for (const key of keys) wanted.add(key);
    // The callers of each look-up receive its failure, so it is ignored here.
    if (!this.#isRunning) this.#run().catch(() => undefined);
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#next) {
      const { keys, resolve, reject } = this.#next;
      this.#next = undefined;
      await this.#lookUp([...keys]).then(resolve, reject);
    }
    this.#isRunning = false;
  }
}

interface Waiting<Key, Value> extends PromiseWithResolvers<ReadonlyMap<Key, Value>> {
  readonly keys: Set<Key>;
}
