import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { tableText, type TableName } from '../change/row-key.js';
import type { CacheDoubts, Execute } from '../sink/cache-doubts.js';

/** The lease: how long a process uses copies after it has asked PostgreSQL whether it may, milliseconds. */
export const LEASE_MS = 1_000;
/**
 * A process that writes without telling the cache waits until no process uses copies any more. Each side measures with
 * its own clock; the margin covers a slow clock.
 */
const MARGIN_MS = 100;
/** After PostgreSQL has been told of a doubt, all processes stop using copies within this time. */
export const UNTIL_DISBELIEVED_MS: number = LEASE_MS + MARGIN_MS;
/** A doubt that has been unused for so long is settled by any process that sees it. */
const IDLE_MS = 10_000;
/** The pause between two checks whether doubts are settled. */
const LOOK_AGAIN_MS = 250;

export interface CacheTrustDeps {
  readonly doubts: CacheDoubts;
  /** Forgets every copy. Rejects if the store cannot be reached. */
  readonly forgetCopies: () => Promise<void>;
  readonly now?: () => number;
}

/**
 * Decides whether copies may be used; the processes agree through PostgreSQL.
 *
 * A process that cannot tell the cache what it writes commits a doubt, and then waits for one lease before it goes on.
 * A process that uses copies has asked for doubts less than a lease ago, and found none. If it asked before the doubt
 * was committed, its lease ends before the rows are committed. If it asked later, it knows of the doubt. A look-up
 * therefore never answers a copy that is older than a commit from before the look-up began. A reading process pays one
 * small query per lease, and a writing one pays one wait per outage.
 *
 * To settle a doubt, a process drops all copies while no transaction holds the doubt. The transactions of the doubting
 * process hold it until they have ended, so none of them commits between the drop of the copies and the end of the
 * doubt.
 */
export class CacheTrust {
  readonly #deps: CacheTrustDeps;
  readonly #now: () => number;
  #believesUntil = -Infinity;
  #believed: ReadonlySet<string> = new Set();
  #asking: Promise<boolean> | undefined;
  #askedAt = -Infinity;
  #own: Promise<string> | undefined;
  #settling: Promise<void> | undefined;

  constructor(deps: CacheTrustDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => performance.now());
  }

  /** True if a copy that is found from now on may be answered. At once, in the first half of a lease. */
  holds(): boolean | Promise<boolean> {
    const leftMs = this.#believesUntil - this.#now();
    if (leftMs <= 0) return this.#ask();
    if (leftMs < LEASE_MS / 2) this.#ask().catch(() => undefined);
    return true;
  }

  /**
   * True if copies of this table are part of that trust. Otherwise another release, which knows of no cache, writes it;
   * or PostgreSQL has not been asked about it yet, for its entity was discovered since. Ask after `holds`.
   */
  isBelieved(table: TableName): boolean {
    return this.#believed.has(tableText(table));
  }

  /**
   * Called before a transaction writes rows without telling the cache. Resolves when no process uses copies of them any
   * more; this lasts until the transaction has ended.
   */
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
    // While doubts stand, asking at every look-up would cost as much as the cache saves.
    if (this.#settling && this.#now() - this.#askedAt < LOOK_AGAIN_MS) return Promise.resolve(false);
    this.#asking ??= this.#askDoubts().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askDoubts(): Promise<boolean> {
    // The lease begins when the question is sent, not when the answer arrives.
    const askedAt = this.#now();
    this.#askedAt = askedAt;
    const { areNone, believed } = await this.#deps.doubts.look();
    this.#believed = new Set(believed.map(tableText));
    if (areNone) {
      this.#believesUntil = askedAt + LEASE_MS;
      return this.#now() < this.#believesUntil;
    }
    this.#believesUntil = -Infinity;
    this.#settling ??= this.#settle();
    return false;
  }

  /** Doubts are asked about again afterwards, even if settling fails. */
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
