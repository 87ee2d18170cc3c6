import { setInterval } from 'node:timers/promises';
import type { Spillway } from '@spillway/core';
import type { Crew } from '../processes/crew.js';
import { addFigures, noFigures, rowsIn } from '../processes/figures.js';
import type { Progress } from '../screen/progress.js';
import { takeSnapshot, type Snapshot } from './snapshot.js';

/** Rates are those of the last two seconds: processes report five times a second, not at the same moment. */
const rateOverSeconds = 2;

/** Looks again and again how far things are, and shows it. */
export class Watch implements AsyncDisposable {
  readonly #spillway: Spillway;
  readonly #crew: Crew;
  readonly #progress: Progress;
  readonly #begin = performance.now();
  readonly #over = new AbortController();
  readonly #looking: Promise<void>;
  #rowsWrittenHere = 0;

  constructor(spillway: Spillway, crew: Crew, progress: Progress, onFailure: (error: unknown) => void) {
    this.#spillway = spillway;
    this.#crew = crew;
    this.#progress = progress;
    // The final drain is helped by this process.
    spillway.on('written', (batch) => (this.#rowsWrittenHere += rowsIn(batch)));
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

  #now(): Promise<Snapshot> {
    const figures = addFigures(this.#crew.figures(), { ...noFigures, rows: this.#rowsWrittenHere });
    return takeSnapshot(this.#spillway, figures, (performance.now() - this.#begin) / 1_000);
  }

  /** Stops looking; answers how things are now. */
  async end(): Promise<Snapshot> {
    await this[Symbol.asyncDispose]();
    return this.#now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#looking;
  }
}
