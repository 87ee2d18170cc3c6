import { setTimeout as pause } from 'node:timers/promises';
import type { CallEnd, CallSender } from './senders.js';
import type { StageGroup } from './stage-side.js';

const PAUSE_MS = 1_000;

/**
 * Finds out in the background what became of groups without an answer, and keeps it. The caller may ask much later,
 * when the store has forgotten the group.
 */
export class LateAnswers {
  readonly #sender: CallSender;
  readonly #found = new WeakMap<StageGroup, CallEnd>();
  readonly #sought = new Set<StageGroup>();
  #isClosed = false;

  constructor(sender: CallSender) {
    this.#sender = sender;
  }

  /** Goes on asking until there is an answer, or none can be had any more. */
  seek(group: StageGroup): void {
    if (this.#sought.has(group)) return;
    this.#sought.add(group);
    // An unforeseen failure loses nothing: `answer` then asks the store.
    this.#seek(group).catch(() => undefined);
  }

  /** What became of the group. Asks the store if it is not known already. */
  async answer(group: StageGroup): Promise<CallEnd> {
    return this.#found.get(group) ?? this.#sender.fence(group);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #seek(group: StageGroup): Promise<void> {
    while (!this.#isClosed && !this.#sender.isForgotten(group)) {
      const end = await this.#sender.fence(group);
      if (end.status !== 'unknown') {
        this.#found.set(group, end);
        break;
      }
      // This timer does not keep the process alive.
      await pause(PAUSE_MS, undefined, { ref: false });
    }
    this.#sought.delete(group);
  }
}
