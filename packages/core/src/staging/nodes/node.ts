import { SpillwayError, textOf } from '../../errors.js';
import type { RedisStaging } from '../redis/redis-staging.js';
import { isPassing } from '../staging-errors.js';

/** The shortest time between two attempts to open a server that was away, milliseconds. */
const OPEN_AGAIN_MS = 1_000;

/** Codes of errors that concern the whole server. */
const OF_SERVER: ReadonlySet<string> = new Set(['STAGING_UNAVAILABLE', 'STAGING_TIMEOUT', 'STAGING_FULL']);

/**
 * One server of several, with its shards. A server that was away when the process began is opened as soon as it is
 * there; until then each call fails at once. Its errors name its shards.
 */
export class Node {
  readonly shards: readonly number[];
  /** What its errors say of it: `It is node "a" and has shard 3`. `undefined`: nothing more than they do. */
  readonly #isCalled: string | undefined;
  readonly #openStore: (end: AbortSignal) => Promise<RedisStaging>;
  readonly #onOpen: (store: RedisStaging) => void;
  readonly #end = new AbortController();
  #store: RedisStaging | undefined;
  #opening: Promise<void> | undefined;
  #failure: Error | undefined;
  #failedMs = 0;

  constructor(
    { shards, isCalled }: { readonly shards: readonly number[]; readonly isCalled?: string },
    openStore: (end: AbortSignal) => Promise<RedisStaging>,
    onOpen: (store: RedisStaging) => void,
  ) {
    this.shards = shards;
    this.#isCalled = isCalled;
    this.#openStore = openStore;
    this.#onOpen = onOpen;
  }

  /** @throws the error of the opening */
  async open(): Promise<void> {
    await this.#tryToOpen();
    if (this.#store === undefined) throw this.#failure ?? closed();
  }

  /** The same act on several shards of a turn goes to the server as one call: `act` is called before this answers. */
  async ask<T>(act: (store: RedisStaging) => Promise<T>): Promise<T> {
    if (this.#store === undefined) throw this.#away();
    try {
      return await act(this.#store);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async *each<T>(act: (store: RedisStaging) => AsyncIterable<T>): AsyncIterable<T> {
    if (this.#store === undefined) throw this.#away();
    try {
      yield* act(this.#store);
    } catch (error) {
      throw this.#named(error);
    }
  }

  async close(): Promise<void> {
    this.#end.abort(closed());
    await this.#opening;
    await this.#store?.close();
  }

  #away(): Error {
    if (performance.now() - this.#failedMs >= OPEN_AGAIN_MS) this.#tryToOpen().catch(() => undefined);
    return this.#failure ?? closed();
  }

  /** Never rejects. */
  async #tryToOpen(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #openOnce(): Promise<void> {
    if (this.#end.signal.aborted) return;
    try {
      const store = await this.#openStore(this.#end.signal);
      this.#store = store;
      this.#onOpen(store);
    } catch (error) {
      this.#failure = this.#named(error);
      this.#failedMs = performance.now();
    }
  }

  #named(error: unknown): Error {
    if (!(error instanceof SpillwayError)) return error instanceof Error ? error : new Error(textOf(error));
    if (!OF_SERVER.has(error.code) || this.#isCalled === undefined) return error;
    return new SpillwayError(error.code, `${error.message.replace(` [${error.code}]`, '')}. ${this.#isCalled}`, {
      cause: error.cause ?? error,
    });
  }
}

/** True if the others can go on. */
export function isAway(error: unknown): boolean {
  return isPassing(error);
}

function closed(): SpillwayError {
  return new SpillwayError('STOPPED', 'Spillway has been stopped; call orm.connect() to go on');
}
