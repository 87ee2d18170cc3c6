import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/policy/duration.js';

const HOUR_MS = 3_600_000;
const LIMITS = { minMs: 0, maxMs: HOUR_MS };

describe('a duration', () => {
  it.each([
    [0, 0],
    [250, 250],
    ['0ms', 0],
    ['200ms', 200],
    ['2s', 2_000],
    ['5m', 300_000],
    ['1h', HOUR_MS],
  ])('%j is %i milliseconds', (given, ms) => {
    expect(parseDuration('debounce', given, LIMITS)).toBe(ms);
  });

  it.each([
    ['5', "'5'"],
    ['', "''"],
    ['1.5s', "'1.5s'"],
    ['-5ms', "'-5ms'"],
    ['2 s', "'2 s'"],
    ['2S', "'2S'"],
    ['2d', "'2d'"],
    ['99999999999999999999ms', "'99999999999999999999ms'"],
    [-1, '-1'],
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [null, 'null'],
    [5n, '5'],
    [{}, 'an object'],
    [[5], 'an array'],
    [() => 5, 'a function'],
    [true, 'true'],
  ])('%o is refused by name', (given, shown) => {
    expect(() => parseDuration('debounce in the policy of Product', given, LIMITS)).toThrow(
      `debounce in the policy of Product is ${shown}, which is no duration. Write a whole number of milliseconds, ` +
        "or a whole number with a unit such as '200ms', '2s', '5m' or '1h' [CONFIG_INVALID]",
    );
  });

  it.each([
    ['61m', '61m'],
    [HOUR_MS + 1, '3600001ms'],
    [9, '9ms'],
  ])('%j outside its limits is refused with the limits', (given, shown) => {
    expect(() => parseDuration('stageTimeout', given, { minMs: 10, maxMs: HOUR_MS })).toThrow(
      `stageTimeout is ${shown}; it must lie between 10ms and 1h [CONFIG_INVALID]`,
    );
  });

  it('accepts both limits themselves', () => {
    expect(parseDuration('stageTimeout', 10, { minMs: 10, maxMs: 20 })).toBe(10);
    expect(parseDuration('stageTimeout', 20, { minMs: 10, maxMs: 20 })).toBe(20);
  });

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [90_000, '90s'],
    [120_000, '2m'],
    [24 * HOUR_MS, '24h'],
  ])('of %i milliseconds is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
