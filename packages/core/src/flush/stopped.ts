import type { SchedulerLike } from 'rxjs';
import { SpillwayError } from '../errors.js';
import type { LookSide } from '../staging/look-side.js';
import { StopClock } from './stop-clock.js';

/** What a worker answers that was stopped. */
export function stopped(what: string): SpillwayError {
  return new SpillwayError(
    'STOPPED',
    `Spillway has been stopped and cannot be ${what}. What is staged stays staged; ` +
      'call orm.connect() to go on, or let another worker flush it.',
  );
}

/** What a stop leaves to the question what is left, which a store that answers at all answers at once. */
const LEAST_QUESTION_MS = 500;

/** How many shards hold something pending; `undefined` if one of them does not say in time. Never rejects. */
export async function shardsLeft(
  { due }: Pick<LookSide, 'due'>,
  leftMs: number,
  scheduler: SchedulerLike,
): Promise<number | undefined> {
  const clock = new StopClock(Math.max(LEAST_QUESTION_MS, leftMs), scheduler);
  const next = await clock.wait(due.next());
  if (next?.some((wait) => wait instanceof Error)) return undefined;
  return next?.filter((inMs) => inMs !== undefined).length;
}
