import type { Figures } from './figures.js';

const reportEveryMs = 200;

/**
 * The child's end of the line to the main process: reports that it is ready and what it does, and learns when to stop.
 */
export class Parent implements Disposable {
  /** Aborted when the main process wants this one to come to an end. */
  readonly stop: AbortSignal;
  readonly #report: () => void;
  readonly #timer: NodeJS.Timeout;

  constructor(figures: () => Figures) {
    const stop = new AbortController();
    this.stop = stop.signal;
    process.once('message', () => stop.abort());
    // Without a parent there is nobody to work for, and nobody who would end this process.
    process.once('disconnect', () => process.exit(1));
    if (!process.connected) process.exit(1);
    // A Ctrl-C reaches every process of the terminal; the main process decides what it means.
    process.on('SIGINT', () => {});
    // A parent that has just died cannot be told anything; `disconnect` follows.
    this.#report = () => process.send?.(figures(), () => {});
    this.#report();
    this.#timer = setInterval(this.#report, reportEveryMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#report();
    process.removeAllListeners('disconnect');
    process.disconnect();
  }
}
