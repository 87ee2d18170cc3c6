import { setTimeout as pause } from 'node:timers/promises';
import { parseRowKey, type RowKey } from '../change/row-key.js';
import { SpillwayError, textOf } from '../errors.js';
import type { LookSide, Settlement, StagedMark } from '../staging/look-side.js';
import { DeadLetteredError } from './dead-lettered-error.js';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/**
 * The first drains follow each other at once: a row that PostgreSQL refused because its parent came later is tried
 * again with the parent.
 */
const QUICK_DRAINS = 2;

export interface UntilWrittenDeps {
  readonly settled: LookSide['settled'];
  /**
   * Makes these rows due and flushes them, also in a process without a worker. `patient`: with all rows that they may
   * have to wait for.
   */
  readonly drain: (rows: readonly RowKey[], patient: boolean, timeoutMs: number) => Promise<unknown>;
  /**
   * Calls the listener when records were written or buried in this process. Answers a function that removes the
   * listener.
   */
  readonly onNews: (listener: () => void) => () => void;
}

/**
 * Resolves when each of these changes, or a later one of its row, has been committed by any process; also if nothing is
 * left to write, because a later change annihilated it or a rule for conflicts overruled it. The changes are made due
 * at once and flushed by this process too. The staging store is asked for their results, with growing pauses, because
 * another process may write them.
 *
 * @throws DeadLetteredError; SpillwayError `WRITE_TIMEOUT`, `STAGING_LOSS`, `STOPPED`
 */
export async function untilWritten(
  marks: readonly StagedMark[],
  timeoutMs: number,
  { settled, drain, onNews }: UntilWrittenDeps,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  const waiting: Waiting = { open: marks, drains: 0, isDraining: false };
  const stopListening = onNews(() => waiting.wake?.abort());
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await look(waiting, settled);
      const restMs = deadlineMs - performance.now();
      if (waiting.open.length === 0) return;
      if (waiting.fatal) throw waiting.fatal;
      if (restMs <= 0) throw writeTimeout(waiting, timeoutMs);
      if (!waiting.isDraining) flush(waiting, drain, restMs);
      waiting.wake = new AbortController();
      await pause(Math.min(pauseMs, restMs), undefined, { signal: waiting.wake.signal }).catch(() => undefined);
    }
  } finally {
    stopListening();
  }
}

interface Waiting {
  open: readonly StagedMark[];
  drains: number;
  isDraining: boolean;
  /** Ends the pause. */
  wake?: AbortController;
  /** The latest error that may pass the next time. */
  failure?: unknown;
  /** The error that will not pass. */
  fatal?: Error;
}

async function look(waiting: Waiting, settled: LookSide['settled']): Promise<void> {
  let settlements: readonly Settlement[];
  try {
    settlements = await settled(waiting.open);
  } catch (error) {
    note(error, waiting);
    return;
  }
  for (const [index, settlement] of settlements.entries()) refuseIfGone(waiting.open[index], settlement);
  waiting.open = waiting.open.filter((_, index) => settlements[index]?.status === 'pending');
}

/** Runs beside the looks: another process may write the rows that this one cannot. */
function flush(waiting: Waiting, drain: UntilWrittenDeps['drain'], restMs: number): void {
  waiting.isDraining = true;
  const rows = [...new Set(waiting.open.map(({ rowKey }) => rowKey))];
  drain(rows, waiting.drains > 0, restMs)
    .catch((error: unknown) => note(error, waiting))
    .finally(() => {
      waiting.drains += 1;
      waiting.isDraining = false;
      if (waiting.drains <= QUICK_DRAINS) waiting.wake?.abort();
    });
}

function note(error: unknown, waiting: Waiting): void {
  const mayPass = error instanceof SpillwayError && PASSING.has(error.code);
  if (mayPass) waiting.failure = error;
  else waiting.fatal = error instanceof Error ? error : new Error(textOf(error));
}

const PASSING: ReadonlySet<string> = new Set(['DRAIN_TIMEOUT', 'STAGING_UNAVAILABLE', 'STAGING_TIMEOUT']);

function refuseIfGone(mark: StagedMark | undefined, settlement: Settlement): void {
  if (mark === undefined) return;
  if (settlement.status === 'dead') throw new DeadLetteredError(mark.rowKey, settlement.code, settlement.reason);
  if (settlement.status === 'lost')
    throw new SpillwayError(
      'STAGING_LOSS',
      `The staging store has forgotten something since a change of ${nameOf(mark)} was staged, so whether it was written is not known. Load the row and look`,
    );
}

function writeTimeout({ open, failure }: Waiting, timeoutMs: number): SpillwayError {
  const [first] = open;
  const what = open.length === 1 && first ? `A change of ${nameOf(first)}` : `Changes of ${open.length} rows`;
  const because = failure === undefined ? '' : `; the last failure said: ${textOf(failure)}`;
  return new SpillwayError(
    'WRITE_TIMEOUT',
    `${what} did not reach the database within ${Math.round(timeoutMs)} ms${because}. Nothing is lost: it stays staged and is written later. Check that the database takes writes, or give a longer timeout`,
    { cause: failure },
  );
}

function nameOf({ rowKey }: StagedMark): string {
  const { table, key } = parseRowKey(rowKey);
  return `${table} ${key.join(', ')}`;
}
