import type { SchedulerLike, Subscription } from 'rxjs';

/**
 * The time limit of a stop. It can be brought forward during a wait, and never put off: a process that is asked to end
 * for a second time ends sooner.
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

  /** Limits the time that is left from now on. */
  bringForward(timeoutMs: number): void {
    const endMs = this.#scheduler.now() + timeoutMs;
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    for (const setAgain of this.#waiting) setAgain();
  }

  /**
   * The answer, if it comes while more than `reserveMs` are left, else `undefined`. A rejection also gives `undefined`,
   * whatever its error: no failure may prevent the stop.
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
