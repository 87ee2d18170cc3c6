import { setTimeout as pause } from 'node:timers/promises';
import { isPassing } from './staging-errors.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/**
 * Asks a store something that changes nothing, or nothing more the second time, until it answers or the time is up: a connection that was lost takes the answers with it that were on their
 * way, and whoever only reads should not have to know.
 *
 * @param patienceMs `0`: it is asked once. Looked at each time, since it may have ended
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
