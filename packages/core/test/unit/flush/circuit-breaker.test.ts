import { describe, expect, it } from 'vitest';
import {
  type BreakerEvent,
  type CircuitBreaker,
  circuitBreaker,
  CLOSED,
  permits,
} from '../../../src/flush/circuit-breaker.js';

const limits = { failuresToOpen: 3, minDelayMs: 200, maxDelayMs: 5_000 };

function after(state: CircuitBreaker, now: number, ...events: readonly BreakerEvent[]): CircuitBreaker {
  return events.reduce((before, event) => circuitBreaker(before, event, limits, now, () => 1), state);
}

describe('the circuit breaker', () => {
  const open = after(CLOSED, 1_000, 'sink-down', 'sink-down', 'sink-down');

  it('opens after so many failures in a row', () => {
    expect(after(CLOSED, 0, 'sink-down', 'sink-down')).toEqual({ kind: 'closed', failures: 2 });
    expect(after(CLOSED, 0, 'sink-down', 'sink-down', 'sink-up', 'sink-down')).toEqual({ kind: 'closed', failures: 1 });
    expect(open).toEqual({ kind: 'open', untilMs: 1_200, trials: 0 });
  });

  it('lets nothing through while it is open, and then one flush', () => {
    expect(permits(open, 4, 1_199)).toBe(0);
    expect(permits(open, 4, 1_200)).toBe(1);
    const trying = after(open, 1_200, 'begun');
    expect(trying).toEqual({ kind: 'half-open', trials: 0 });
    expect(permits(trying, 4, 1_200)).toBe(1);
  });

  it('stays away for twice as long after each trial that fails, up to its limit', () => {
    let state = open;
    const delays: number[] = [];
    for (let trial = 0; trial < 6; trial++) {
      const now = state.kind === 'open' ? state.untilMs : 0;
      state = after(state, now, 'begun', 'sink-down');
      delays.push((state.kind === 'open' ? state.untilMs : 0) - now);
    }
    expect(delays).toEqual([400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('closes with the first success, also of a flush that began before it opened', () => {
    expect(after(open, 1_200, 'begun', 'sink-up')).toBe(CLOSED);
    expect(after(open, 1_100, 'sink-up')).toBe(CLOSED);
  });

  it('is not opened for longer by flushes that began before', () => {
    expect(after(open, 1_100, 'sink-down', 'sink-down')).toBe(open);
  });
});
