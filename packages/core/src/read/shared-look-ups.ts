/**
 * Puts look-ups together that are asked for while another one runs: they leave as one when it has ended. So a thousand readers of a few hot rows ask the ledger a few times, and need one
 * connection. A look-up that is on its way is never joined, for its answer may be older than the question.
 */
export class SharedLookUps<Key, Value> {
  readonly #lookUp: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>;
  #next: Waiting<Key, Value> | undefined;
  #isRunning = false;

  constructor(lookUp: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>) {
    this.#lookUp = lookUp;
  }

  /** What was found, perhaps more than was asked for. */
  async find(keys: readonly Key[]): Promise<ReadonlyMap<Key, Value>> {
    this.#next ??= { keys: new Set(), ...Promise.withResolvers<ReadonlyMap<Key, Value>>() };
    const { promise, keys: wanted } = this.#next;
    for (const key of keys) wanted.add(key);
    // Each look-up's failure is its callers' already.
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
