import { SpillwayError } from '../errors.js';
import { describeValue } from './describe-value.js';

/**
 * A span of time: a whole number of milliseconds, or a whole number with its unit (`'200ms'`, `'2s'`, `'5m'`, `'1h'`).
 * A text without a unit is refused, because `'5'` could mean seconds or milliseconds.
 */
export type Duration = number | `${number}${DurationUnit}`;

export type DurationUnit = 'ms' | 's' | 'm' | 'h';

export interface DurationLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

const UNIT_MS: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * @param option the option's name in messages, with its place: `debounce in the policy of Product`
 * @returns milliseconds
 * @throws SpillwayError `CONFIG_INVALID` for anything that is no duration, and for one outside the limits.
 */
export function parseDuration(option: string, given: unknown, limits: DurationLimits): number {
  const ms = typeof given === 'string' ? parseText(given) : given;
  if (typeof ms !== 'number' || !Number.isSafeInteger(ms) || ms < 0) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${option} is ${describeValue(given)}, which is no duration. Write a whole number of milliseconds, or a whole number with a unit such as '200ms', '2s', '5m' or '1h'`,
    );
  }
  if (ms < limits.minMs || ms > limits.maxMs) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      `${option} is ${formatDuration(ms)}; it must lie between ${formatDuration(limits.minMs)} and ${formatDuration(limits.maxMs)}`,
    );
  }
  return ms;
}

/** In the largest unit that divides it: 90,000 is `90s`. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNIT_MS).toReversed();
  const [unit, unitMs] = units.find(([, size]) => ms !== 0 && ms % size === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}

function parseText(text: string): number | undefined {
  const match = /^(?<amount>\d{1,15})(?<unit>ms|s|m|h)$/.exec(text);
  return match?.groups && Number(match.groups['amount']) * UNIT_MS[match.groups['unit'] as DurationUnit];
}
