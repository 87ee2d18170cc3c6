import { setTimeout as pause } from 'node:timers/promises';

/** Until the time is over or the shop is told to close. */
export async function wait(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await pause(Math.max(0, ms), undefined, { signal: stop });
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
