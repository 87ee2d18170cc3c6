import { AsyncLocalStorage } from 'node:async_hooks';
import { readQueryMode, type QueryMode } from '../../policy/query-mode.js';

interface Asked {
  readonly mode: QueryMode | undefined;
}

/**
 * What a call asks for by its option `spillway`. MikroORM hands unknown options on to the driver, but not to the queries by which it populates relations: those are told by the
 * asynchronous context of the call.
 */
export class QueryModes {
  readonly #asked = new AsyncLocalStorage<Asked>();

  /** Everything that is read by this call, unless it asks for another mode itself. */
  run<T>(mode: QueryMode | undefined, call: () => T): T {
    return mode === undefined ? call() : this.#asked.run({ mode }, call);
  }

  /** A flush that a query has brought about is not part of it. */
  runWithout<T>(call: () => T): T {
    return this.#asked.getStore()?.mode === undefined ? call() : this.#asked.run({ mode: undefined }, call);
  }

  /** @throws SpillwayError `CONFIG_INVALID` for a mode that there is not. */
  of(options: Readonly<Record<string, unknown>>): QueryMode | undefined {
    return readQueryMode(options['spillway']) ?? this.#asked.getStore()?.mode;
  }
}
