import type { SchedulerLike, Subscription } from 'rxjs';

/**
 * The time that a stop has. It can be brought forward while somebody waits, and never put off: a process that has been
 * asked to end, and is asked again, ends sooner.
 */
export class StopClock {
  readonly #scheduler: SchedulerLike;
  readonly #waiting = new Set<() => void>();
  #endMs: number;

  constructor(timeoutMs: number, scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
    this.#endMs = scheduler.now() + timeoutMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#endMs - this.#scheduler.now());
  }

  /** From now on no more than this is left. */
  bringForward(timeoutMs: number): void {
    const endMs = this.#scheduler.now() + timeoutMs;
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    for (const setAgain of this.#waiting) setAgain();
  }

  /**
   * The answer, if it comes while more than `reserveMs` are left, else `undefined`. Also if it is a rejection, whatever
   * that is: nothing is a reason not to stop.
   */
  wait<T>(answer: Promise<T>, reserveMs: number = 0): Promise<T | undefined> {
    return new Promise((resolve) => {
      let alarm: Subscription | undefined;
      const end = (value?: T): void => {
        alarm?.unsubscribe();
        this.#waiting.delete(set);
        resolve(value);
      };
      const set = (): void => {
        alarm?.unsubscribe();
        alarm = this.#scheduler.schedule(() => end(), Math.max(0, this.leftMs - reserveMs));
      };
      this.#waiting.add(set);
      set();
      answer.then(end, () => end());
    });
  }
}
