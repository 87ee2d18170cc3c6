import { asyncScheduler, type SchedulerLike } from 'rxjs';

/** Real time that only goes forward. A change of the machine's clock must not make a due shard wait for an hour. */
export const monotonicScheduler: SchedulerLike = {
  now: () => Math.floor(performance.now()),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};
