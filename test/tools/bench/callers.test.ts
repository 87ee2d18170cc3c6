import { expect, test } from 'vitest';
import { during, forSeconds, paced, scaled } from '../../bench/support/callers.js';

test('each call is made once, and each caller makes one after the other', async () => {
  const made: string[] = [];
  await during(5, 2, async (call, caller) => {
    await Promise.resolve();
    made.push(`${call} by ${caller}`);
  });
  expect(made.toSorted()).toEqual(['0 by 0', '1 by 1', '2 by 0', '3 by 1', '4 by 0']);
});

test('calls at a pace are as many as the seconds hold, spread over the callers', async () => {
  const calls = [0, 0, 0, 0];
  const pace = { perSecond: 10_000, seconds: 0.002, callers: 4 };
  const made = await paced(pace, (caller) => {
    calls[caller] = (calls[caller] ?? 0) + 1;
    return Promise.resolve();
  });
  expect(calls).toEqual([5, 5, 5, 5]);
  expect(made).toBe(20);
});

test('callers go on until the time is over, and what has ended is counted', async () => {
  const made: number[] = [];
  const ended = await forSeconds(0.005, 3, async (_, caller) => {
    await new Promise((resolve) => setImmediate(resolve));
    made.push(caller);
  });
  expect(ended).toBe(made.length);
  expect(new Set(made)).toEqual(new Set([0, 1, 2]));
});

test('a number in a scale is a multiple of the callers, and at least one for each', () => {
  expect(scaled({ scale: 0.5 }, 1_280)).toBe(640);
  expect(scaled({ scale: 0.001 }, 1_280)).toBe(64);
});
