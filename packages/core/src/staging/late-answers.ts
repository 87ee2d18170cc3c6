import { setTimeout as pause } from 'node:timers/promises';
import type { CallSender, Delivery } from './call-sender.js';
import type { StageCall } from './staging-store.js';

const PAUSE_MS = 1_000;

/**
 * Finds out in the background what became of calls that were not answered. Whoever has sent one may ask much later, when the store has forgotten all about it; the answer then lies here.
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
    // Should it fail unforeseen, nothing is lost: the answer is then asked for when it is needed.
    this.#seek(call).catch(() => undefined);
  }

  /** What became of the call, by what is known already or by asking now. */
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
      // A process that has nothing else to do may end.
      await pause(PAUSE_MS, undefined, { ref: false });
    }
    this.#sought.delete(call);
  }
}
