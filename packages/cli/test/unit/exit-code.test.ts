import { SpillwayError } from '@spillway/core';
import { expect, test } from 'vitest';
import { EXIT, exitCodeOf, spillwayCodeOf, WrongUsage } from '../../src/exit-code.js';
import { Interrupted } from '../../src/interruption.js';

test.each([
  [new WrongUsage('which one?'), EXIT.WRONG],
  [new Interrupted('stopped'), EXIT.LEFT],
  [new SpillwayError('CONFIG_INVALID', 'bad'), EXIT.WRONG],
  [new SpillwayError('DRAIN_TIMEOUT', 'late'), EXIT.LEFT],
  [new SpillwayError('STAGING_UNAVAILABLE', 'away'), EXIT.UNREACHABLE],
  [new SpillwayError('DATABASE_UNAVAILABLE', 'away'), EXIT.UNREACHABLE],
  [new SpillwayError('RECORD_TOO_LARGE', 'big'), EXIT.UNEXPECTED],
  [new Error('what'), EXIT.UNEXPECTED],
  ['what', EXIT.UNEXPECTED],
])('%s ends the process with %i', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

test('the error of another copy of Spillway is known by its code', () => {
  const error = Object.assign(new Error('Redis is away [STAGING_UNAVAILABLE]'), { code: 'STAGING_UNAVAILABLE' });
  expect(spillwayCodeOf(error)).toBe('STAGING_UNAVAILABLE');
  expect(exitCodeOf(error)).toBe(EXIT.UNREACHABLE);
  expect(spillwayCodeOf(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toBeUndefined();
});
