import { parseDuration, SpillwayError } from '@spillway/core';
import type { SpillwayShutdownOptions } from './module-options.js';

const HOUR_MS = 3_600_000;

export interface ShutdownTimes {
  readonly graceMs: number;
  readonly readinessDelayMs: number;
}

/** @throws SpillwayError `CONFIG_INVALID` */
export function shutdownTimes({ grace = '25s', readinessDelay = 0 }: SpillwayShutdownOptions = {}): ShutdownTimes {
  const place = 'in the options of SpillwayModule';
  const graceMs = parseDuration(`shutdown.grace ${place}`, grace, { minMs: 1_000, maxMs: HOUR_MS });
  const readinessDelayMs = parseDuration(`shutdown.readinessDelay ${place}`, readinessDelay, {
    minMs: 0,
    maxMs: HOUR_MS,
  });
  if (readinessDelayMs < graceMs) return { graceMs, readinessDelayMs };
  throw new SpillwayError(
    'CONFIG_INVALID',
    `shutdown.readinessDelay ${place} (${readinessDelayMs} ms) leaves nothing of shutdown.grace (${graceMs} ms) to write what is staged. Lower it, or raise the grace`,
  );
}
