import type { Outcome } from '../../../change/outcome.js';
import type { VersionText } from '../../../change/change.js';
import type { Table } from '../../table.js';
import { backOffMs } from '../back-off.js';
import type { Item } from '../plan/item.js';

/** The outcomes of the items that were not simply applied. */
export type Outcomes = Map<Item, Outcome>;

/** Tried again; the record is not blamed. */
export function waits(item: Item, delayMs: number, reason: string): Outcome {
  return { kind: 'again', attempts: item.record.attempts, delayMs, reason };
}

/**
 * How long a record of a paused entity waits before it is looked at again. `resume()` makes it due at once; this is for
 * a process that dies between the two, and bounds what a long pause costs.
 */
const LOOK_AGAIN_MS = 10 * 60_000;

/** Comes back as it is, because of a pause that somebody has to end: no drain makes it due sooner. */
export function comesBack(item: Item, why: string): Outcome {
  const { attempts } = item.record;
  return {
    kind: 'again',
    attempts,
    delayMs: LOOK_AGAIN_MS,
    reason: `${why}. It goes on by resume().`,
    keepsPause: true,
  };
}

/** The longest that a refused row waits for others before it is tried again. */
const LONGEST_WAIT_MS = 5_000;

/**
 * Refused, but not blamed: rows that may be the cause are still to be written. The older the record is, the longer it
 * waits.
 */
export function waitsRefused(item: Item, reason: string): Outcome {
  const { minDelayMs, maxDelayMs } = item.table.retry;
  return waits(item, Math.max(minDelayMs, Math.min(Math.round(item.ageMs / 4), maxDelayMs, LONGEST_WAIT_MS)), reason);
}

/** The reason for which a row is blamed, as its dead letter shows it. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly message?: string | undefined;
}

/**
 * Blamed: tried again after a pause, and buried once the policy's attempts are used up. A newer change of the row ends
 * its pause, so the record also has to be older than all pauses together: the row that it needs may still come.
 */
export function failed(item: Item, { code, reason, message }: Refusal, pauseMs?: number): Outcome {
  const { retry } = item.table;
  const attempts = item.record.attempts + 1;
  if (attempts >= retry.attempts && item.ageMs >= pausesMs(retry)) {
    return { kind: 'buried', code, reason, ...(message && { message }), rejected: true, counted: false };
  }
  const counted = Math.min(attempts, retry.attempts - 1);
  return { kind: 'again', attempts: counted, delayMs: pauseMs ?? backOffMs(retry, Math.max(1, counted)), reason };
}

/** All the pauses between the policy's attempts together. */
function pausesMs(retry: Table['retry']): number {
  let sum = 0;
  for (let attempt = 1; attempt < retry.attempts; attempt += 1) sum += backOffMs(retry, attempt);
  return sum;
}

/**
 * The row exists and is as expected, but PostgreSQL did not write it: a trigger or a row level policy. Once may be
 * chance.
 */
export function notWritable(item: Item): Outcome {
  if (item.record.attempts === 0) {
    return {
      kind: 'again',
      attempts: 1,
      delayMs: backOffMs(item.table.retry, 1),
      reason: 'PostgreSQL did not write the row, though nothing speaks against it.',
    };
  }
  return {
    kind: 'buried',
    code: 'NOT_WRITABLE',
    reason: `A trigger or a row level policy of ${item.table.entity} leaves the row out; see the triggers that return null, and the policies of Spillway's role.`,
    rejected: true,
    counted: false,
  };
}

/** Buried, but not refused by PostgreSQL, so a newer change of the row must meet the same. */
export function buriedAs(
  code: 'CONFLICT' | 'ROW_MISSING' | 'ROW_EXISTS' | 'STAGING_LOSS' | 'UNREADABLE',
  reason: string,
  version?: VersionText,
  counted = false,
): Outcome {
  return { kind: 'buried', code, reason, ...(version !== undefined && { version }), rejected: false, counted };
}

/** For a doubtful record that meets a conflict. */
export function stagingLoss(version: VersionText | undefined): Outcome {
  return buriedAs(
    'STAGING_LOSS',
    'The staging store has forgotten something, and the row is not as this record expects: it may be written already.',
    version,
  );
}
