import { afterDeadline } from './deadline.js';

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

  sent(): void {
    this.#sentMs.push(performance.now());
    if (this.#callOff === undefined) this.#wait(this.#timeoutMs);
  }

  answered(): void {
    this.#answered += 1;
    if (this.#answered < this.#sentMs.length) return;
    this.#sentMs = [];
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
