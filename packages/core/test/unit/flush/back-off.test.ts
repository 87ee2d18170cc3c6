import { describe, expect, it } from 'vitest';
import { type BackOff, backOff, delayOf, READY, readyAtMs } from '../../../src/flush/back-off.js';

const limits = { minDelayMs: 100, maxDelayMs: 30_000 };
const longest = (): number => 1;
const shortest = (): number => 0;

function failed(state: BackOff, now: number, random = longest): BackOff {
  return backOff(state, { kind: 'failed', limits }, now, random);
}

describe('back-off', () => {
  it('doubles with each failure up to its limit', () => {
    let state = READY;
    const delays: number[] = [];
    for (let failure = 0; failure < 10; failure++) {
      state = failed(state, 0);
      delays.push(readyAtMs(state));
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
  });

  it('takes off up to half at random', () => {
    expect(delayOf(0, limits, shortest)).toBe(50);
    expect(delayOf(0, limits, () => 0.5)).toBe(75);
    expect(delayOf(500, limits, shortest)).toBe(15_000);
  });

  it('remembers failures after a wait is over, and forgets them with a success', () => {
    const twice = failed(failed(READY, 0), 10_000);
    expect(twice).toEqual({ kind: 'waiting', failures: 2, untilMs: 10_200 });
    expect(backOff(twice, { kind: 'succeeded' }, 20_000, longest)).toBe(READY);
  });

  it('postpones without counting a failure', () => {
    const once = failed(READY, 0);
    const postponed = backOff(once, { kind: 'postponed', limits }, 1_000, longest);
    expect(postponed).toEqual({ kind: 'waiting', failures: 1, untilMs: 1_100 });
  });
});
