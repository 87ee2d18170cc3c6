import { setTimeout as pause } from 'node:timers/promises';
import type { CallSender, Delivery } from './call-sender.js';
import type { StageCall } from './stage-side.js';

const PAUSE_MS = 1_000;

/**
 * Finds out in the background what became of calls without an answer, and keeps it. The caller may ask much later, when
 * the store has forgotten the call.
 */
export class LateAnswers {
  readonly #sender: CallSender;
  readonly #found = new WeakMap<StageCall, Delivery>();
  readonly #sought = new Set<StageCall>();
  #isClosed = false;

  constructor(sender: CallSender) {
    this.#sender = sender;
  }

  /** Goes on asking until there is an answer, or none can be had any more. */
  seek(call: StageCall): void {
    if (this.#sought.has(call)) return;
    this.#sought.add(call);
    // An unforeseen failure loses nothing: `answer` then asks the store.
    this.#seek(call).catch(() => undefined);
  }

  /** The result of the call. Asks the store if it is not known already. */
  async answer(call: StageCall): Promise<Delivery> {
    return this.#found.get(call) ?? this.#sender.fence(call);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #seek(call: StageCall): Promise<void> {
    while (!this.#isClosed && !this.#sender.isForgotten(call)) {
      const delivery = await this.#sender.fence(call);
      if (delivery.status !== 'unknown') {
        this.#found.set(call, delivery);
        break;
      }
      // This timer does not keep the process alive.
      await pause(PAUSE_MS, undefined, { ref: false });
    }
    this.#sought.delete(call);
  }
}
