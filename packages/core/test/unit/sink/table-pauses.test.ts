import { expect, test } from 'vitest';
import { TablePauses } from '../../../src/sink/postgres/table-pauses.js';
import { product } from './item.js';

const table = { ...product, retry: { attempts: 5, minDelayMs: 100, maxDelayMs: 30_000 } };
const fault = { schema: table.schema, table: table.name, code: '42P01', reason: 'missing', records: 3 };

function paused() {
  const clock = { ms: 0 };
  const pauses = new TablePauses(() => clock.ms);
  const meet = () => {
    const lengthMs = pauses.lengthMs(table, false);
    return { lengthMs, ...pauses.note(fault) };
  };
  return { clock, pauses, meet };
}

test('pauses begin short and double, up to the longest delay, and never outlast what they wait for by more than it lasted', () => {
  const { clock, meet } = paused();
  const lengths: number[] = [];
  while (clock.ms < 120_000) {
    const { lengthMs } = meet();
    lengths.push(lengthMs);
    expect(lengthMs).toBeLessThanOrEqual(Math.max(100, clock.ms));
    clock.ms += lengthMs;
  }
  expect(lengths.slice(0, 6)).toEqual([100, 100, 200, 400, 800, 1_600]);
  expect(lengths.at(-1)).toBe(30_000);
});

test('however many batches meet it, a pause is no longer than it has lasted', () => {
  const { clock, meet } = paused();
  for (let batch = 0; batch < 500; batch += 1) {
    clock.ms += 1;
    meet();
  }
  expect(meet().lengthMs).toBeLessThanOrEqual(500);
});

test('a pause is news when it begins, and again every thirty seconds, with how often it was met', () => {
  const { clock, meet } = paused();
  const news: { readonly ms: number; readonly times: number }[] = [];
  for (; clock.ms < 70_000; clock.ms += 50) {
    const { isNews, times } = meet();
    if (isNews) news.push({ ms: clock.ms, times });
  }
  expect(news).toEqual([
    { ms: 0, times: 1 },
    { ms: 30_000, times: 601 },
    { ms: 60_000, times: 1_201 },
  ]);
});

test('a pause of which nothing more is heard, though its records were due again, is over; the next begins short', () => {
  const { clock, pauses, meet } = paused();
  meet();
  clock.ms = 2_000;
  meet();
  clock.ms = 4_000;
  expect(meet().lengthMs).toBe(100);
  clock.ms = 5_000;
  expect(meet().lengthMs).toBe(1_000);
  expect(pauses.current).toEqual([fault]);
  clock.ms = 8_001;
  expect(pauses.current).toEqual([]);
  expect(meet()).toMatchObject({ lengthMs: 100, times: 1, isNews: true });
});

test('rows of a table that are refused alike wait for as long as can be, and leave the pause of their table alone', () => {
  const { clock, pauses, meet } = paused();
  const ofRows = { ...fault, code: '23514', isOfRows: true };
  expect(pauses.lengthMs(table, true)).toBe(30_000);
  pauses.note(ofRows);
  clock.ms = 60_000;
  expect(pauses.current).toEqual([ofRows]);
  expect(meet()).toMatchObject({ lengthMs: 100, times: 1, isNews: true });
  expect(pauses.current).toEqual([ofRows, fault]);
});
