/**
 * How long a failed task waits. `ready` until the first failure; each failure then doubles the wait, from `minDelayMs`
 * up to `maxDelayMs`. A random part of up to half is taken off, so that tasks that failed together do not come back
 * together. A success resets the failures; the end of a wait does not.
 */
export type BackOff =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting'; readonly failures: number; readonly untilMs: number };

export interface BackOffLimits {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** `postponed`: nothing has failed, but it is too early; the count stays, and the wait is `minDelayMs`. */
export type BackOffEvent =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed' | 'postponed'; readonly limits: BackOffLimits };

export const READY: BackOff = { kind: 'ready' };

/** @param random from 0 up to 1 */
export function backOff(state: BackOff, event: BackOffEvent, now: number, random: () => number): BackOff {
  if (event.kind === 'succeeded') {
    return READY;
  }
  const before = state.kind === 'waiting' ? state.failures : 0;
  const failures = event.kind === 'failed' ? before + 1 : before;
  const doublings = event.kind === 'failed' ? before : 0;
  return { kind: 'waiting', failures, untilMs: now + delayOf(doublings, event.limits, random) };
}

/** When a wait is over; in the past for `ready`. */
export function readyAtMs(state: BackOff): number {
  return state.kind === 'ready' ? Number.NEGATIVE_INFINITY : state.untilMs;
}

/** At least half of the doubled delay, in whole milliseconds. */
export function delayOf(doublings: number, limits: BackOffLimits, random: () => number): number {
  const full = Math.min(limits.maxDelayMs, limits.minDelayMs * 2 ** Math.min(doublings, 30));
  return Math.ceil(full / 2 + (full / 2) * random());
}
