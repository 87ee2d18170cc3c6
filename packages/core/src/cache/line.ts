import { SpillwayError } from '../errors.js';
import { beforeDeadline, DeadlinePassed } from '../staging/deadline.js';
import type { RowCache } from '../staging/row-cache.js';

/** How long a call may take while readers or writers wait for it, milliseconds. */
const PATIENCE_MS = 500;
/** The first call may have to open the store. */
const OPENING_PATIENCE_MS = 3_000;
/** The pause between two checks whether the store is back. */
const PROBE_MS = 1_000;

/** The store behind the line, and a probe that checks whether it answers. */
export interface CacheLineDeps {
  readonly open: () => Promise<RowCache>;
  readonly probe: () => Promise<unknown>;
}

/**
 * The line to the cache, which may be dead. Callers then get the answer `down` at once, and go to the database. The
 * first caller after an outage begins waits at most the patience of one call; probes in the background find out whether
 * the store is back.
 */
export class CacheLine {
  readonly #deps: CacheLineDeps;
  #isOpen = false;
  #isDown = false;
  #probing: Promise<void> | undefined;
  #probedAt = -Infinity;

  constructor(deps: CacheLineDeps) {
    this.#deps = deps;
  }

  /**
   * `down`: the call may have had its effect all the same.
   * @throws errors other than failures of the store or the line
   */
  async ask<T>(act: (cache: RowCache) => Promise<T>): Promise<T | 'down'> {
    if (this.#isDown) {
      this.#probe();
      return 'down';
    }
    try {
      return await inTime(this.#ask(act), this.#isOpen ? PATIENCE_MS : OPENING_PATIENCE_MS);
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#isDown = true;
      this.#probedAt = performance.now();
      return 'down';
    }
  }

  /** Opens the store, if that has not been done. Answers at once if the store is open and known to answer. */
  isUp(): boolean | Promise<boolean> {
    return (this.#isOpen && !this.#isDown) || this.#open();
  }

  async #open(): Promise<boolean> {
    return (await this.ask(async () => 'up')) === 'up';
  }

  async #ask<T>(act: (cache: RowCache) => Promise<T>): Promise<T> {
    // Asked each time: it also takes in what was discovered since.
    const cache = await this.#deps.open();
    this.#isOpen = true;
    return act(cache);
  }

  #probe(): void {
    if (this.#probing || performance.now() - this.#probedAt < PROBE_MS) return;
    this.#probedAt = performance.now();
    this.#probing = inTime(this.#deps.probe(), OPENING_PATIENCE_MS)
      .then(() => {
        this.#isDown = false;
      })
      // The store is still down, or stopped for good: the next caller starts another probe.
      .catch(() => undefined)
      .finally(() => {
        this.#probing = undefined;
      });
  }
}

const OUTAGES: ReadonlySet<string> = new Set(['STAGING_UNAVAILABLE', 'STAGING_TIMEOUT', 'STAGING_FULL']);

function isOutage(error: unknown): boolean {
  return error instanceof SpillwayError && OUTAGES.has(error.code);
}

async function inTime<T>(answer: Promise<T>, patienceMs: number): Promise<T> {
  try {
    return await beforeDeadline(answer, patienceMs);
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error;
    throw new SpillwayError('STAGING_TIMEOUT', `The cache has not answered within ${patienceMs} ms`, { cause: error });
  }
}
