import { AsyncLocalStorage } from 'node:async_hooks';

interface Mark {
  isRunning: boolean;
}

/**
 * An act with everything that it calls. Work that it began and that goes on after its end (a pool, a worker) is
 * outside.
 */
export class Span {
  readonly #storage = new AsyncLocalStorage<Mark>();

  get isInside(): boolean {
    return this.#storage.getStore()?.isRunning === true;
  }

  async run<T>(act: () => Promise<T>): Promise<T> {
    const mark: Mark = { isRunning: true };
    try {
      return await this.#storage.run(mark, act);
    } finally {
      mark.isRunning = false;
    }
  }
}
