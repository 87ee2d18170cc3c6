import { setTimeout as pause } from 'node:timers/promises';
import { isPassing } from './staging-errors.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/**
 * Asks a store until it answers or the time is up. The question must change nothing, or nothing more the second time. A
 * lost connection loses the answers that were on their way, and a reader need not notice.
 *
 * @param patienceMs milliseconds; `0`: the store is asked once. Called after each failure, because the patience may end
 */
export async function askAgain<T>(ask: () => Promise<T>, patienceMs: () => number): Promise<T> {
  const startedMs = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || performance.now() - startedMs >= patienceMs()) throw error;
    }
    await pause(pauseMs);
  }
}
