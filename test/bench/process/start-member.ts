import type { Ground } from './side.js';
import { startSide, type RunningSide } from './start-side.js';

/**
 * A further process of a side, for a side that has several: a writer, or a worker. It is written like a side, runs on
 * the same package and the same ground, and ends with its side.
 */
export function startMember(measurement: string, side: string, ground: Ground): Promise<RunningSide> {
  return startSide({ measurement, side, ground }, process.env['SPILLWAY_BENCH_PACKAGE'] ?? '');
}
