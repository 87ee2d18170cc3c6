import { setInterval } from 'node:timers/promises';
import type { Progress } from '../screen/progress.js';
import type { Snapshot } from './snapshot.js';

/** Rates are those of the last two seconds: processes report five times a second, not at the same moment. */
const rateOverSeconds = 2;

/** Takes a snapshot so many seconds after the shop has opened. */
export type Look<Seen extends Snapshot> = (seconds: number) => Promise<Seen> | Seen;

/** Looks again and again how far a shop is, and shows it. */
export class Watch<Seen extends Snapshot> implements AsyncDisposable {
  readonly #take: Look<Seen>;
  readonly #progress: Progress;
  readonly #begin = performance.now();
  readonly #over = new AbortController();
  readonly #looking: Promise<void>;

  constructor(take: Look<Seen>, progress: Progress, onFailure: (error: unknown) => void) {
    this.#take = take;
    this.#progress = progress;
    this.#looking = this.#look().catch(onFailure);
  }

  async #look(): Promise<void> {
    const recent = [await this.#now()];
    for await (const _ of this.#ticks()) {
      const now = await this.#now();
      while (recent[1] !== undefined && now.seconds - recent[1].seconds >= rateOverSeconds) recent.shift();
      this.#progress.show(now, recent[0] ?? now);
      recent.push(now);
    }
  }

  async *#ticks(): AsyncGenerator<void> {
    try {
      for await (const _ of setInterval(this.#progress.everyMs, undefined, { signal: this.#over.signal })) yield;
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }

  async #now(): Promise<Seen> {
    return this.#take((performance.now() - this.#begin) / 1_000);
  }

  /** Stops looking; answers how things are now. */
  async end(): Promise<Seen> {
    await this[Symbol.asyncDispose]();
    return this.#now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#looking;
  }
}
