import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { tableText, type TableName } from '../change/table-name.js';
import type { CacheDoubts, Execute } from '../sink/cache-doubts.js';

/** How long a process believes copies after it has asked PostgreSQL whether it may, milliseconds. */
export const LEASE_MS = 1_000;
/** Whoever writes without telling the cache waits until nobody believes copies any more. Each side measures with its own clock; this covers that one of them may be slow. */
const MARGIN_MS = 100;
/** Once PostgreSQL has been told not to believe copies, nobody does after so long. */
export const UNTIL_DISBELIEVED_MS: number = LEASE_MS + MARGIN_MS;
/** A doubt that nobody has used for so long is settled by whoever sees it. */
const IDLE_MS = 10_000;
/** Between two looks whether doubts are settled. */
const LOOK_AGAIN_MS = 250;

export interface CacheTrustDeps {
  readonly doubts: CacheDoubts;
  /** Forgets every copy. Rejects if the store cannot be reached. */
  readonly forgetCopies: () => Promise<void>;
  readonly now?: () => number;
}

/**
 * Whether copies may be believed, agreed upon through PostgreSQL.
 *
 * A process that cannot tell the cache what it writes commits a doubt, and then waits for one lease before it goes on. A process that believes copies has asked, less than a lease ago,
 * and there was no doubt. So whoever asked before the doubt was committed no longer believes copies when the rows are, and whoever asks later knows of it: no look-up answers a copy that
 * is older than what was committed before it began. It costs a process that reads one small query per lease, and one that writes one wait per outage.
 *
 * A doubt is settled by forgetting all copies while no transaction holds it; the transactions of its process hold it until they have ended, so nothing that they write is committed
 * after the copies were forgotten and before the doubt is gone.
 */
export class CacheTrust {
  readonly #deps: CacheTrustDeps;
  readonly #now: () => number;
  #believesUntil = -Infinity;
  #disbelieved: ReadonlySet<string> = new Set();
  #asking: Promise<boolean> | undefined;
  #askedAt = -Infinity;
  #own: Promise<string> | undefined;
  #settling: Promise<void> | undefined;

  constructor(deps: CacheTrustDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** Whether a copy that is found from now on may be answered. */
  async holds(): Promise<boolean> {
    const leftMs = this.#believesUntil - this.#now();
    if (leftMs <= 0) return this.#ask();
    if (leftMs < LEASE_MS / 2) this.#ask().catch(() => undefined);
    return true;
  }

  /** Whether copies of a table are left out of that: another release writes it, which knows of no cache. To be asked after `holds`. */
  isDisbelieved(table: TableName): boolean {
    return this.#disbelieved.has(tableText(table));
  }

  /** Before a transaction writes rows without telling the cache. Resolves when nobody believes their copies any more; that stays so until the transaction has ended. */
  async suspend(execute: Execute): Promise<void> {
    for (;;) {
      const raising = (this.#own ??= this.#raise());
      const id = await raising;
      await this.#deps.doubts.hold(id, execute);
      if (await this.#deps.doubts.renew(id)) return;
      if (this.#own === raising) this.#own = undefined;
    }
  }

  #ask(): Promise<boolean> {
    // While doubts stand, asking at every look-up would cost what a cache is to save.
    if (this.#settling && this.#now() - this.#askedAt < LOOK_AGAIN_MS) return Promise.resolve(false);
    this.#asking ??= this.#askDoubts().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askDoubts(): Promise<boolean> {
    // The answer holds from before it was asked for, whenever it arrives.
    const askedAt = this.#now();
    this.#askedAt = askedAt;
    const { areNone, disbelieved } = await this.#deps.doubts.look();
    this.#disbelieved = new Set(disbelieved.map(tableText));
    if (areNone) {
      this.#believesUntil = askedAt + LEASE_MS;
      return this.#now() < this.#believesUntil;
    }
    this.#believesUntil = -Infinity;
    this.#settling ??= this.#settle();
    return false;
  }

  /** Whether or not it succeeds, doubts are asked about again. */
  async #settle(): Promise<void> {
    const raising = this.#own;
    try {
      const own = await raising;
      await this.#deps.doubts.settle(IDLE_MS, own, this.#deps.forgetCopies);
    } catch {
      // The store or the database is away: the doubt stands, as it should.
    }
    await pause(LOOK_AGAIN_MS, undefined, { ref: false });
    this.#settling = undefined;
  }

  async #raise(): Promise<string> {
    const id = randomUUID();
    try {
      await this.#deps.doubts.raise(id);
    } catch (error) {
      this.#own = undefined;
      throw error;
    }
    this.#believesUntil = -Infinity;
    await pause(UNTIL_DISBELIEVED_MS);
    return id;
  }
}
