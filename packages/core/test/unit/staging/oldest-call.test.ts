import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { OldestCall } from '../../../src/staging/redis/connection.js';

let silences = 0;
const calls = (): OldestCall => new OldestCall(100, () => (silences += 1));

beforeEach(() => {
  silences = 0;
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('R16: the deadline is that of the oldest call without an answer, by one timer for all', () => {
  const oldest = calls();
  oldest.sent();
  vi.advanceTimersByTime(60);
  oldest.sent();
  oldest.sent();
  expect(vi.getTimerCount()).toBe(1);
  oldest.answered();
  // The second call has 60 ms left.
  vi.advanceTimersByTime(90);
  expect(silences).toBe(0);
  vi.advanceTimersByTime(20);
  expect(silences).toBe(1);
});

test('R16: an answer that is read after the timer has run, before the sockets were read again, counts (F8)', () => {
  const oldest = calls();
  oldest.sent();
  setTimeout(() => setImmediate(() => oldest.answered()), 100);
  vi.advanceTimersByTime(150);
  expect(silences).toBe(0);
});

test('calls that are answered leave no timer behind for long', () => {
  const oldest = calls();
  oldest.sent();
  oldest.answered();
  vi.advanceTimersByTime(110);
  expect([silences, vi.getTimerCount()]).toEqual([0, 0]);
  oldest.sent();
  oldest.end();
  expect(vi.getTimerCount()).toBe(0);
});

test('the deadline of a connection that is never idle keeps no more than the calls on their way, and a part', () => {
  const oldest = new OldestCall(10_000, () => undefined);
  oldest.sent();
  let most = 0;
  for (let call = 0; call < 10_000; call += 1) {
    oldest.sent();
    oldest.answered();
    most = Math.max(most, oldest.kept);
  }
  oldest.end();
  expect(most).toBeLessThan(2_000);
});
