import { AsyncLocalStorage } from 'node:async_hooks';
import { readQueryMode, type QueryMode } from '../../policy/query-mode.js';

interface Asked {
  readonly mode: QueryMode | undefined;
}

/**
 * The mode that a call asks for by its option `spillway`. MikroORM hands unknown options on to the driver, but not to
 * the queries that populate relations. These queries find the mode in the asynchronous context of the call.
 */
export class QueryModes {
  readonly #asked = new AsyncLocalStorage<Asked>();

  /** Runs a call whose reads all have this mode, unless the call asks for another one itself. */
  run<T>(mode: QueryMode | undefined, call: () => T): T {
    return mode === undefined ? call() : this.#asked.run({ mode }, call);
  }

  /** A flush that a query has caused is not part of the query. */
  runWithout<T>(call: () => T): T {
    return this.#asked.getStore()?.mode === undefined ? call() : this.#asked.run({ mode: undefined }, call);
  }

  /** @throws SpillwayError `CONFIG_INVALID` for an unknown mode. */
  of(options: Readonly<Record<string, unknown>>): QueryMode | undefined {
    return readQueryMode(options['spillway']) ?? this.#asked.getStore()?.mode;
  }
}
