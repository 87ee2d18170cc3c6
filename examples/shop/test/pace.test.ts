import { expect, test } from 'vitest';
import { paceOf, rateOf } from '../src/pace/pace.js';
import { Times, within } from '../src/pace/times.js';
import type { Crew } from '../src/processes/crew.js';
import { addFigures, noFigures, subtractFigures, type Figures } from '../src/processes/figures.js';
import { stretchesOf } from '../src/run/stretches.js';

function countsOf(...allMs: number[]): readonly number[] {
  const times = new Times();
  for (const ms of allMs) times.add(ms);
  return times.counts();
}

test('a share of the saves is done within a time that is at most 5 % too long', () => {
  const counts = countsOf(...Array.from({ length: 100 }, (_, index) => index + 1));
  for (const share of [0.01, 0.5, 0.99, 1]) {
    const truth = share * 100;
    expect(within(share, counts)).toBeGreaterThanOrEqual(truth * 0.999);
    expect(within(share, counts)).toBeLessThanOrEqual(truth * 1.05);
  }
});

test('times of nothing, of next to nothing, and of an hour', () => {
  expect(within(0.5, [])).toBe(0);
  expect(within(0.5, countsOf(0))).toBeCloseTo(0.05);
  expect(within(0.5, countsOf(3_600_000))).toBeGreaterThanOrEqual(3_600_000);
});

test('figures of several processes are added, bucket by bucket, and those of a moment before are taken away', () => {
  const one: Figures = { saves: 3, conflicts: 1, rows: 0, times: [1, 2] };
  const two: Figures = { saves: 2, conflicts: 0, rows: 5, times: [0, 0, 2] };
  const both: Figures = { saves: 5, conflicts: 1, rows: 5, times: [1, 2, 2] };
  expect(addFigures(one, two)).toEqual(both);
  expect(subtractFigures(both, two)).toEqual({ ...one, times: [1, 2, 0] });
  expect(addFigures(one, noFigures)).toEqual(one);
});

test('the pace of a crew is that of its stretch: what was done before it does not count', async () => {
  const before = { saves: 100, conflicts: 0, rows: 0, times: countsOf(...Array<number>(100).fill(900)) };
  const during = { saves: 2, conflicts: 0, rows: 0, times: countsOf(1, 9) };
  const pace = await paceOf(crewWith([before, addFigures(before, during)]), { after: 0, seconds: 0.01 }, never());
  expect(pace?.saves).toBe(2);
  expect(within(0.5, during.times)).toBe(pace?.p50Ms);
  expect(within(0.99, during.times)).toBe(pace?.p99Ms);
  expect(pace?.p99Ms).toBeLessThan(10);
  expect(rateOf({ seconds: 4, saves: 10, p50Ms: 0, p99Ms: 0 })).toBe(2.5);
});

test('a shop that is closed before its stretch is over has no pace', async () => {
  const closed = AbortSignal.abort();
  expect(await paceOf(crewWith([noFigures, noFigures]), { after: 1, seconds: 1 }, closed)).toBeUndefined();
});

test('both stretches are equal, of five seconds or a quarter of short runs, and over before a process is killed', () => {
  for (const seconds of [3, 10, 20, 3_600]) {
    const { behind, plain } = stretchesOf({ seconds, embedded: false });
    expect(behind).toEqual(plain);
    expect(plain.seconds).toBe(Math.min(5, seconds / 4));
    expect(behind.after + behind.seconds).toBeLessThan(0.35 * seconds);
  }
});

test('embedded, the first stretch ends with the shop, in a process that is warm', () => {
  const { behind, plain } = stretchesOf({ seconds: 20, embedded: true });
  expect(behind).toEqual({ after: 15, seconds: 5 });
  expect(plain.seconds).toBe(5);
});

/** A crew whose figures are these, one after the other. */
function crewWith(figures: readonly Figures[]): Crew {
  const left = [...figures];
  return { figures: () => left.shift() ?? noFigures } as unknown as Crew;
}

function never(): AbortSignal {
  return new AbortController().signal;
}
