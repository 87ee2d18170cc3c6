import { type Duration, type DurationLimits, parseDuration } from '@spillway/core';
import { InvalidArgumentError } from 'commander';

const DURATIONS: DurationLimits = { minMs: 1, maxMs: 24 * 60 * 60 * 1_000 };

/** A duration such as `30s`, for an option of a command. */
export function durationOption(text: string): Duration {
  try {
    parseDuration('It', text, DURATIONS);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return text as Duration;
}

/** A whole number from `min` on. */
export function numberOption(min: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN;
    if (number >= min) return number;
    throw new InvalidArgumentError(`It must be a whole number, ${min} or more.`);
  };
}
