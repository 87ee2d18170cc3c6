import { setTimeout as pause } from 'node:timers/promises';
import type { ChangeSink } from '../sink/change-sink.js';

/** A connection that is free is had in a few milliseconds, also through a pooler. */
const STARVED_MS = 50;
const LOOK_MS = 10;

/** Whether a flush waits for a connection that it will perhaps not be given before the caller's transaction ends. */
export function isStarved({ waitsForConnectionMs }: Pick<ChangeSink, 'waitsForConnectionMs'>): boolean {
  return waitsForConnectionMs >= STARVED_MS;
}

/**
 * What `act` answers; or `starved`, as soon as flushes are seen to wait for a connection. `act` then goes on, and
 * nobody hears of it any more.
 */
export async function unlessStarved<T>(
  sink: Pick<ChangeSink, 'waitsForConnectionMs'>,
  act: () => Promise<T>,
): Promise<T | 'starved'> {
  if (isStarved(sink)) return 'starved';
  const over = new AbortController();
  const acting = act().finally(() => over.abort());
  const starving = untilStarved(sink, over.signal);
  return Promise.race([acting, starving]);
}

/** Never resolves where that does not happen before the signal. */
async function untilStarved(sink: Pick<ChangeSink, 'waitsForConnectionMs'>, signal: AbortSignal): Promise<'starved'> {
  while (!isStarved(sink)) {
    try {
      await pause(LOOK_MS, undefined, { signal });
    } catch {
      return new Promise<never>(() => undefined);
    }
  }
  return 'starved';
}
