import type { SchedulerLike } from 'rxjs';
import { SpillwayError } from '../errors.js';
import { within } from './within.js';

/**
 * Asks the staging store while a transaction of the database is open. The answer therefore gets less time than the
 * store itself would take.
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
        `${what} was not answered within ${timeoutMs} ms. It may have happened; the next flush finds out. Check the staging server if this repeats.`,
      ),
  );
}
