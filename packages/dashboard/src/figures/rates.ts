import type { SpillwayStatus } from '@spillway/core';
import type { Point } from '../wire.js';

/** A look at the counts, and when it was taken. */
export interface Look {
  readonly atMs: number;
  readonly status: SpillwayStatus;
}

/** The rates between two looks, per second. Counts may fall: staging was emptied, or a server does not answer. */
export function pointOf(before: Look | undefined, { atMs, status }: Look): Omit<Point, 'flushMs'> {
  const seconds = before ? Math.max(0.001, (atMs - before.atMs) / 1_000) : 1;
  const rate = (count: (of: SpillwayStatus) => number): number =>
    before ? Math.max(0, (count(status) - count(before.status)) / seconds) : 0;
  return {
    atMs,
    accepted: rate(({ staged }) => staged),
    coalesced: rate(({ coalesced }) => coalesced),
    written: rate(leftSinceEver),
    pending: pendingIn(status),
    oldestMs: status.oldestMs ?? 0,
  };
}

function pendingIn({ pending }: SpillwayStatus): number {
  return Object.values(pending).reduce((sum, count) => sum + count, 0);
}

/**
 * Records that have left the staging store. Each change made a record, unless it was coalesced into one, or annihilated
 * one, which then both are gone.
 */
function leftSinceEver(status: SpillwayStatus): number {
  const { staged, coalesced, annihilated, dead, deadDropped } = status;
  return staged - coalesced - 2 * annihilated - pendingIn(status) - dead - deadDropped;
}
