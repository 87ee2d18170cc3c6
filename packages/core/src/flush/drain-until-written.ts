import { setTimeout as pause } from 'node:timers/promises';
import { keyText, type RowKey } from '../change/row-key.js';
import { isDrainTimeout, SpillwayError, textOf } from '../errors.js';
import type { DueScope, EmptyScope, LookSide, Watermark } from '../staging/look-side.js';
import type { DrainResult } from './drain.js';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** The most time that is kept for the question about the rest. */
const LONGEST_QUESTION_MS = 250;

/** Rows beyond this number are not counted. */
const MOST_COUNTED = 1_000;
const ROWS_PER_LOOK = 200;

export interface WrittenDrain {
  /** The rows that have to be written. */
  readonly scope: EmptyScope;
  /** The scope that is flushed for them: `scope` with all rows that its rows may have to wait for. */
  readonly wide: DueScope;
  readonly timeoutMs: number;
  /** Once aborted, no more flushes are requested. */
  readonly signal: AbortSignal | undefined;
}

export interface WrittenDrainDeps {
  readonly looks: Pick<LookSide, 'due' | 'peek'>;
  /**
   * Tries everything once. `onPutOff` is called with the reason for each record that had to wait when this process
   * tried it.
   */
  readonly drain: (wide: DueScope, timeoutMs: number, onPutOff: (reason: string) => void) => Promise<DrainResult>;
}

/**
 * Flushes the changes that were staged in the scope before the call until each is written, or is a dead letter. Records
 * that had to wait are tried again, after growing pauses. Later changes are flushed too, but not waited for.
 *
 * @throws SpillwayError `DRAIN_TIMEOUT` that names the unwritten rows, and the reason as far as this process knows it
 */
export async function drainUntilWritten(
  { scope, wide, timeoutMs, signal }: WrittenDrain,
  { looks, drain }: WrittenDrainDeps,
): Promise<DrainResult> {
  const deadlineMs = performance.now() + timeoutMs;
  const questionMs = Math.min(LONGEST_QUESTION_MS, timeoutMs / 4);
  const open = new Map(await looks.due.make(scope));
  const told: Told = { putOff: undefined, failure: undefined };
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    const restMs = deadlineMs - questionMs - performance.now();
    if (open.size > 0 && restMs > 0) await round(drain, { wide, restMs, told });
    const left = await leftIn(open, scope, looks);
    if (left.count === 0) return { left: 0 };
    const stillMs = deadlineMs - questionMs - performance.now();
    if (stillMs <= 0) throw notWritten(left, told, timeoutMs);
    await pause(Math.min(pauseMs, stillMs), undefined, signal && { signal }).catch(() => undefined);
  }
}

/** The latest reasons known to this process why records are not written. */
interface Told {
  putOff: string | undefined;
  failure: unknown;
}

/** The failure of a round that takes too long is kept for the final error, which also names the rows that are left. */
async function round(
  drain: WrittenDrainDeps['drain'],
  { wide, restMs, told }: { readonly wide: DueScope; readonly restMs: number; readonly told: Told },
): Promise<void> {
  try {
    await drain(wide, restMs, (reason) => {
      told.putOff = reason;
    });
  } catch (error) {
    if (!isDrainTimeout(error)) throw error;
    told.failure = error.cause;
  }
}

/** Rows with pending changes that were staged before the drain. */
interface Left {
  count: number;
  first?: { readonly entity: string; readonly rowKey: RowKey };
  readonly byEntity: Map<string, number>;
}

/** Removes shards from `open` in which none of these changes is left. */
async function leftIn(
  open: Map<number, Watermark>,
  scope: EmptyScope,
  looks: WrittenDrainDeps['looks'],
): Promise<Left> {
  const left: Left = { count: 0, byEntity: new Map() };
  for (const [shard, watermark] of open) {
    if (left.count >= MOST_COUNTED) break;
    const before = left.count;
    const rows = await looks.due.rows(scope, [shard], 'pending');
    for (let from = 0; from < rows.length && left.count < MOST_COUNTED; from += ROWS_PER_LOOK)
      await count(rows.slice(from, from + ROWS_PER_LOOK), watermark, looks, left);
    if (left.count === before) open.delete(shard);
  }
  return left;
}

async function count(
  rows: readonly RowKey[],
  { sequence }: Watermark,
  looks: WrittenDrainDeps['looks'],
  left: Left,
): Promise<void> {
  for (const [rowKey, { dirty, inFlight }] of await looks.peek(rows)) {
    const record = [inFlight?.record, dirty].find((pending) => pending !== undefined && pending.first <= sequence);
    if (record === undefined) continue;
    left.count += 1;
    left.first ??= { entity: record.entity, rowKey };
    left.byEntity.set(record.entity, (left.byEntity.get(record.entity) ?? 0) + 1);
  }
}

function notWritten({ count: rows, first, byEntity }: Left, told: Told, timeoutMs: number): SpillwayError {
  const many = rows === 1 ? '1 row is' : `${rows} rows${rows >= MOST_COUNTED ? ' or more' : ''} are`;
  const each = [...byEntity].map(([entity, number]) => `${entity}: ${number}`).join(', ');
  const one = first ? `, that of ${first.entity} ${keyText(first.rowKey)} among them` : '';
  const why = [
    told.putOff === undefined ? '' : ` One that had to wait said: ${told.putOff.replace(/\.$/, '')}.`,
    told.failure === undefined ? '' : ` The last flush that failed said: ${textOf(told.failure)}.`,
  ].join('');
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `drain({ until: 'written' }) did not end within ${Math.round(timeoutMs)} ms: ` +
      `${many} not written that had changes staged before it (${each})${one}.${why} ` +
      'Nothing is lost: they stay staged and are written later. ' +
      'See what holds them up, such as a lock of another session, or give a longer timeout',
    { cause: told.failure },
  );
}
