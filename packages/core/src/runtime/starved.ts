import { setTimeout as pause } from 'node:timers/promises';
import type { ChangeSink } from '../sink/change-sink.js';

/** A free connection arrives in a few milliseconds, also through a pooler. */
const STARVED_MS = 50;
const LOOK_MS = 10;

/** True if a flush waits for a connection that it may not get before the caller's transaction ends. */
export function isStarved({ waitsForConnectionMs }: Pick<ChangeSink, 'waitsForConnectionMs'>): boolean {
  return waitsForConnectionMs >= STARVED_MS;
}

/**
 * The answer of `act`; or `starved`, as soon as flushes are seen to wait for a connection. `act` then goes on, and its
 * answer is ignored.
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

/** Never resolves if the signal comes first. */
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
