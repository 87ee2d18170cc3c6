/**
 * The connections of a process's flushes, counted. A flush that finds none free claims its batches while it waits for
 * one.
 */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** A slot that is free now. */
  takeFree(): Disposable | undefined {
    if (this.#free === 0) return undefined;
    this.#free -= 1;
    return this.#slot();
  }

  /** The next slot that becomes free; whoever waits longest gets it. */
  async take(): Promise<Disposable> {
    const free = this.takeFree();
    if (free) return free;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
    return this.#slot();
  }

  #slot(): Disposable {
    let isTaken = true;
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return;
        isTaken = false;
        const next = this.#waiting.shift();
        if (next) next();
        else this.#free += 1;
      },
    };
  }
}
