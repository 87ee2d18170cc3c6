import type { SchedulerLike } from 'rxjs';

/**
 * The promise's answer if it comes in time, else a rejection with what `missed` makes. A late answer is ignored, a late
 * rejection too: whoever waited has gone.
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
