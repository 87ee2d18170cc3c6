import { type BackOffLimits, delayOf } from './back-off.js';

/**
 * Keeps a worker from running against a database that is down.
 *
 * `closed`: flushes run; `failures` in a row are counted. At `failuresToOpen` the breaker opens: no flush runs until
 * `untilMs`. The first flush after that makes it `half-open`: only that flush runs. Its success closes the breaker, its
 * failure opens it again for twice as long. A flush that began before the breaker opened may still report: its failure
 * changes nothing, its success closes the breaker.
 */
export type CircuitBreaker =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilMs: number; readonly trials: number }
  | { readonly kind: 'half-open'; readonly trials: number };

export interface BreakerLimits extends BackOffLimits {
  readonly failuresToOpen: number;
}

/** `begun`: a flush starts; `sink-down`: it could not reach the database; `sink-up`: it could. */
export type BreakerEvent = 'begun' | 'sink-up' | 'sink-down';

export const CLOSED: CircuitBreaker = { kind: 'closed', failures: 0 };

export function circuitBreaker(
  state: CircuitBreaker,
  event: BreakerEvent,
  limits: BreakerLimits,
  now: number,
  random: () => number,
): CircuitBreaker {
  switch (event) {
    case 'sink-up':
      return CLOSED;
    case 'begun':
      return state.kind === 'open' && state.untilMs <= now ? { kind: 'half-open', trials: state.trials } : state;
    case 'sink-down':
      switch (state.kind) {
        case 'open':
          return state;
        case 'half-open':
          return opened(state.trials + 1, limits, now, random);
        case 'closed':
          return state.failures + 1 < limits.failuresToOpen
            ? { kind: 'closed', failures: state.failures + 1 }
            : opened(0, limits, now, random);
      }
  }
}

/** How many flushes may run at once. */
export function permits(state: CircuitBreaker, concurrency: number, now: number): number {
  switch (state.kind) {
    case 'closed':
      return concurrency;
    case 'half-open':
      return 1;
    case 'open':
      return state.untilMs <= now ? 1 : 0;
  }
}

function opened(trials: number, limits: BreakerLimits, now: number, random: () => number): CircuitBreaker {
  return { kind: 'open', untilMs: now + delayOf(trials, limits, random), trials };
}
