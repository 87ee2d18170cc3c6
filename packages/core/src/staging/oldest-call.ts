import { afterDeadline } from './deadline.js';

/** Most answered calls that are kept. */
const MOST_KEPT = 1_024;

/**
 * The deadline of a connection whose answers come in the order of its calls: that of the oldest call without an answer
 * (R16). There is one timer however many calls are on their way, and it runs on from call to call.
 */
export class OldestCall {
  readonly #timeoutMs: number;
  readonly #onSilence: () => void;
  /** When calls without an answer were sent, the oldest first, from `#answered` on. */
  #sentMs: number[] = [];
  #answered = 0;
  #callOff: (() => void) | undefined;

  constructor(timeoutMs: number, onSilence: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onSilence = onSilence;
  }

  /** How many times are kept: those of the calls on their way, and of some that are answered. */
  get kept(): number {
    return this.#sentMs.length;
  }

  sent(): void {
    this.#sentMs.push(performance.now());
    if (this.#callOff === undefined) this.#wait(this.#timeoutMs);
  }

  answered(): void {
    this.#answered += 1;
    // A connection may never be idle. So what is answered is dropped in parts, not at the end of all calls only.
    if (this.#answered < this.#sentMs.length && this.#answered < MOST_KEPT) return;
    this.#sentMs = this.#sentMs.slice(this.#answered);
    this.#answered = 0;
  }

  /** No call is on its way any more. */
  end(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #wait(ms: number): void {
    this.#callOff = afterDeadline(ms, () => this.#look());
  }

  #look(): void {
    this.#callOff = undefined;
    const oldestMs = this.#sentMs[this.#answered];
    if (oldestMs === undefined) return;
    const restMs = oldestMs + this.#timeoutMs - performance.now();
    if (restMs > 0) this.#wait(restMs);
    else this.#onSilence();
  }
}
