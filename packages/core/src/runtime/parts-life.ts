import { SpillwayError } from '../errors.js';
import { monotonicScheduler } from '../flush/monotonic-scheduler.js';
import { StopClock } from '../flush/stop-clock.js';
import type { StopOptions, StopReport } from '../flush/worker.js';
import type { Parts } from './parts.js';
import { CLOSING_MS, type Sinks } from './sinks.js';

/** The time of a stop that names none. */
const DEFAULT_STOP_MS = 30_000;

/** Something that is closed beside the parts. */
export interface Closable {
  close(): Promise<void>;
  cutOff(): void;
}

/** Everything that is open, or about to be. */
interface Opening {
  readonly parts: Promise<Parts>;
  readonly end: AbortController;
}

interface Ending {
  readonly clock: StopClock;
  readonly report: Promise<StopReport>;
}

/**
 * The parts of one engine from their opening to their end: opened once, at the first use, and closed in time. During a
 * stop's time everything may end by itself. The rest (a flush whose server is frozen, an opening without an answer) is
 * cut off then, so that nothing of the engine keeps the process.
 */
export class PartsLife {
  readonly #sinks: Sinks;
  readonly #openParts: (end: AbortSignal) => Promise<Parts>;
  #opening: Opening | undefined;
  #ending: Ending | undefined;
  #isOpen = false;
  #isEnded = false;
  #endBy = Number.POSITIVE_INFINITY;

  /** @param openParts opens everything, and closes it again when the signal is aborted before it has */
  constructor(sinks: Sinks, openParts: (end: AbortSignal) => Promise<Parts>) {
    this.#sinks = sinks;
    this.#openParts = openParts;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The parts that are open, or about to be; `undefined` if there are none. */
  get opened(): Promise<Parts> | undefined {
    return this.#opening?.parts;
  }

  /** @throws SpillwayError `STOPPED` */
  assertGoesOn(): void {
    if (!this.#isEnded) return;
    throw new SpillwayError(
      'STOPPED',
      'Spillway has been stopped. What is staged stays staged; call orm.connect() to go on',
    );
  }

  /**
   * Opened once; a failed attempt is that call's error, and the next call tries again.
   * @throws SpillwayError `STOPPED`
   */
  open(): Promise<Parts> {
    this.assertGoesOn();
    this.#opening ??= this.#begin();
    return this.#opening.parts;
  }

  /** Any end is over by then, whatever time it was given. Milliseconds from now. */
  endWithin(timeoutMs: number): void {
    this.#endBy = Math.min(this.#endBy, performance.now() + timeoutMs);
    this.#ending?.clock.bringForward(timeoutMs);
  }

  /**
   * Finishes the engine's work, or leaves it staged, then closes everything until `reopen()`. A second call meanwhile
   * waits for the same end, and may only bring it forward. Never rejects.
   * @param beside closed with it; called when the worker has stopped
   */
  async end(options: StopOptions, beside: () => Closable | undefined): Promise<StopReport> {
    this.#isEnded = true;
    return this.#close(options, beside);
  }

  /** The same, and it may be opened again. */
  async suspend(options: StopOptions, beside: () => Closable | undefined): Promise<void> {
    await this.#close(options, beside);
    if (!this.#isEnded) this.#forget();
  }

  /**
   * After an end it may be opened again: a new life, with all its time. Waits for an end that is under way.
   * @returns whether it had ended
   */
  async reopen(): Promise<boolean> {
    const ending = this.#ending;
    if (!this.#isEnded || !ending) return false;
    await ending.report;
    // Another caller may have opened it again meanwhile, and it may have ended once more.
    if (this.#ending !== ending) return false;
    this.#isEnded = false;
    this.#endBy = Number.POSITIVE_INFINITY;
    this.#forget();
    return true;
  }

  #forget(): void {
    this.#ending = undefined;
    this.#opening = undefined;
    this.#isOpen = false;
  }

  #begin(): Opening {
    const end = new AbortController();
    const parts = this.#openParts(end.signal).then(
      (opened) => {
        if (this.#opening?.end === end) this.#isOpen = true;
        return opened;
      },
      (error: unknown) => {
        // It may have been given up, and another one begun.
        if (this.#opening?.end === end) this.#opening = undefined;
        throw error;
      },
    );
    return { parts, end };
  }

  #close({ drain = true, timeoutMs = DEFAULT_STOP_MS }: StopOptions, beside: () => Closable | undefined) {
    const leftMs = Math.min(timeoutMs, Math.max(0, this.#endBy - performance.now()));
    if (this.#ending) this.#ending.clock.bringForward(leftMs);
    else {
      const clock = new StopClock(leftMs, monotonicScheduler);
      this.#ending = { clock, report: this.#closeBy(clock, drain, beside) };
    }
    return this.#ending.report;
  }

  async #closeBy(clock: StopClock, drain: boolean, beside: () => Closable | undefined): Promise<StopReport> {
    const opening = this.#opening;
    const parts = opening && (await clock.wait(opening.parts));
    if (!parts) opening?.end.abort(givenUp());
    const report = parts ? await parts.worker.stop({ drain }, clock) : { left: undefined };
    parts?.stager.close();
    parts?.stopHearing();
    const other = beside();
    clock.bringForward(CLOSING_MS);
    await Promise.all([
      other && clock.wait(other.close()),
      parts && this.#sinks.close(parts.sink, clock),
      parts && clock.wait(parts.staging.close()),
    ]);
    other?.cutOff();
    this.#sinks.cutOff();
    return report;
  }
}

function givenUp(): SpillwayError {
  return new SpillwayError(
    'STOPPED',
    'Spillway was stopped while it was being opened: Redis or PostgreSQL had not answered yet. ' +
      'Nothing was staged; call orm.connect() to go on',
  );
}
