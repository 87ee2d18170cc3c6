import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallersTransaction } from './caller.js';

/** Filled in when the transaction has begun. */
interface Place {
  caller?: CallersTransaction | undefined;
}

/**
 * The transaction of the application in which code runs. Only a database with one connection needs it: there every
 * question on the way has to be answered in that transaction, also for code that knows nothing of transactions.
 */
export class CallersContext {
  readonly #storage = new AsyncLocalStorage<Place>();

  /** Code that was begun in a transaction and goes on after its end is outside again. */
  get current(): CallersTransaction | undefined {
    const { caller } = this.#storage.getStore() ?? {};
    // The end of a transaction that the ORM has not begun stays unknown; a question in it after its end fails.
    return caller?.scope?.root.isOpen === false ? undefined : caller;
  }

  /** @param caller `undefined`: the known transaction, if any, stays */
  run<T>(caller: CallersTransaction | undefined, act: () => T): T {
    return caller ? this.#storage.run({ caller }, act) : act();
  }

  /** For work that has nothing to do with the transaction in which it is begun. */
  outside<T>(act: () => T): T {
    return this.#storage.run({}, act);
  }

  /**
   * A caller that begins a transaction by hand is in it from then on. To be called before anything is awaited; answers
   * a function that takes the transaction once it is known.
   */
  enter(): (caller: CallersTransaction | undefined) => void {
    const place: Place = {};
    this.#storage.enterWith(place);
    return (caller) => {
      place.caller = caller;
    };
  }
}
