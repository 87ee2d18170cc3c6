import type { SchedulerLike } from 'rxjs';

/**
 * The promise's answer if it comes in time, else a rejection with the error of `missed`. A late answer or rejection is
 * ignored, because the caller waits no longer.
 */
export function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  scheduler: SchedulerLike,
  missed: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = scheduler.schedule(() => reject(missed()), timeoutMs);
    promise.then(resolve, reject).finally(() => timer.unsubscribe());
  });
}
