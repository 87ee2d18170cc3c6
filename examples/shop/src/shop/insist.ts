import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError } from '@spillway/core';

const longestMs = 30_000;
const pauseMs = 50;

/**
 * While a Redis is away, whoever needs it waits for it. A flush that was staged in part, or of which nobody knows, is
 * made again until all of it is staged: it finds out first what is, and stages nothing twice.
 *
 * @param again what to do after an error. The first act may count something, and must not be done twice then
 */
export async function insist<T>(act: () => Promise<T>, again: (error: SpillwayError) => Promise<T>): Promise<T> {
  const begin = performance.now();
  let open: SpillwayError | undefined;
  for (let next = act; ;) {
    try {
      return await next();
    } catch (error) {
      if (!isAway(error)) throw open ?? error;
      if (error.code !== 'STAGING_UNAVAILABLE') open = error;
      if (performance.now() - begin > longestMs) throw error;
      await pause(pauseMs);
      next = async () => again(error);
    }
  }
}

function isAway(error: unknown): error is SpillwayError {
  return (
    error instanceof SpillwayError && ['STAGING_UNAVAILABLE', 'STAGING_TIMEOUT', 'STAGING_PARTIAL'].includes(error.code)
  );
}
