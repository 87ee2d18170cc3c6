import type { Crew } from '../processes/crew.js';
import { subtractFigures } from '../processes/figures.js';
import { wait } from '../run/wait.js';
import { within } from './times.js';

/** How fast a shop was for a while, as its visitors saw it. */
export interface Pace {
  readonly seconds: number;
  /** Flushes that were acknowledged. */
  readonly saves: number;
  /** Half of the saves took at most so long; see `Figures.times`. */
  readonly p50Ms: number;
  /** 99 of 100 saves took at most so long. */
  readonly p99Ms: number;
}

/** When a pace is taken: so many seconds from now, for so long. */
export interface Stretch {
  readonly after: number;
  readonly seconds: number;
}

/** Waits for the stretch to be over; answers how fast the crew was in it, or `undefined` if the shop closed before. */
export async function paceOf(crew: Crew, { after, seconds }: Stretch, stop: AbortSignal): Promise<Pace | undefined> {
  await wait(after * 1_000, stop);
  const begin = performance.now();
  const before = crew.figures();
  await wait(seconds * 1_000, stop);
  if (stop.aborted) return undefined;
  const { saves, times } = subtractFigures(crew.figures(), before);
  return {
    seconds: (performance.now() - begin) / 1_000,
    saves,
    p50Ms: within(0.5, times),
    p99Ms: within(0.99, times),
  };
}

/** Saves per second. */
export function rateOf({ saves, seconds }: Pace): number {
  return saves / seconds;
}
