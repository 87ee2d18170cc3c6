import type { SchedulerLike } from 'rxjs';
import { SpillwayError } from '../errors.js';
import { within } from './within.js';

/**
 * A question to the staging store that is asked while a transaction of the database is open, and is therefore given
 * less time than the store itself would take.
 */
export function askStaging<T>(
  answer: Promise<T>,
  timeoutMs: number,
  what: string,
  scheduler: SchedulerLike,
): Promise<T> {
  return within(
    answer,
    timeoutMs,
    scheduler,
    () =>
      new SpillwayError(
        'STAGING_TIMEOUT',
        `${what} was not answered within ${timeoutMs} ms. It may have happened; the next flush settles it. Check the staging server if this repeats.`,
      ),
  );
}
