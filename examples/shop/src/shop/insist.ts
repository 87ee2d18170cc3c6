import { setTimeout as pause } from 'node:timers/promises';
import { SpillwayError } from '@spillway/core';

const longestMs = 30_000;
const pauseMs = 50;

/**
 * While a Redis is away, whoever needs it waits for it. A flush that was staged in part, or of which nobody knows, is
 * made again until all of it is staged: it finds out first what is, and stages nothing twice. What is staged and not
 * yet as durable as it has to be is waited for once more.
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
      if (!NOTHING_STAGED.has(error.code)) open = error;
      if (performance.now() - begin > longestMs) throw error;
      await pause(pauseMs);
      next = async () => again(error);
    }
  }
}

const NOTHING_STAGED: ReadonlySet<string> = new Set(['STAGING_UNAVAILABLE', 'DURABILITY_UNSUPPORTED']);
const PERHAPS_STAGED: ReadonlySet<string> = new Set(['STAGING_TIMEOUT', 'STAGING_PARTIAL', 'DURABILITY_NOT_REACHED']);

function isAway(error: unknown): error is SpillwayError {
  return error instanceof SpillwayError && (NOTHING_STAGED.has(error.code) || PERHAPS_STAGED.has(error.code));
}
