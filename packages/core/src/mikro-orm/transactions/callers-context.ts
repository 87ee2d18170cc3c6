import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallersTransaction } from './caller.js';

/** Filled in when the transaction has begun. */
interface Place {
  caller?: CallersTransaction | undefined;
}

/**
 * In which transaction of the application code runs. Only a database with one connection needs it: there every question that is asked on the way has to be answered in that transaction, also
 * by those who know nothing of transactions.
 */
export class CallersContext {
  readonly #storage = new AsyncLocalStorage<Place>();

  /** What was begun in a transaction and goes on after its end is outside again. */
  get current(): CallersTransaction | undefined {
    const { caller } = this.#storage.getStore() ?? {};
    // Of one that somebody else has begun nobody learns the end; what is asked of it then fails.
    return caller?.scope?.root.isOpen === false ? undefined : caller;
  }

  /** @param caller `undefined`: nothing is known that is not known already */
  run<T>(caller: CallersTransaction | undefined, act: () => T): T {
    return caller ? this.#storage.run({ caller }, act) : act();
  }

  /** For what has nothing to do with the transaction in which it is begun. */
  outside<T>(act: () => T): T {
    return this.#storage.run({}, act);
  }

  /** Whoever begins a transaction by hand is in it from then on. To be called before anything is waited for; answers how to say which it is. */
  enter(): (caller: CallersTransaction | undefined) => void {
    const place: Place = {};
    this.#storage.enterWith(place);
    return (caller) => {
      place.caller = caller;
    };
  }
}
