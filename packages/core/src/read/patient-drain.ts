import { setTimeout as pause } from 'node:timers/promises';
import type { RowKey } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';
import type { DueScope, LookSide } from '../staging/look-side.js';

/**
 * How often a query drains: a record that PostgreSQL refused, because it came before another record of the same drain,
 * is retried at once.
 */
const DRAIN_ROUNDS = 2;
/** The pause between further rounds, where a write has to wait. */
const DRAIN_PAUSE_MS = 20;

export interface PatientDrain {
  readonly scope: DueScope;
  /** The scope with all rows that its rows may have to wait for. */
  readonly wide: DueScope;
  readonly timeoutMs: number;
  /** Wait for rows that PostgreSQL has put off: earlier staged changes must be written before the caller's own. */
  readonly beforeWrite: boolean;
}

export interface PatientDrainDeps {
  /** One round: each record is tried once. */
  readonly drain: (scope: DueScope, timeoutMs: number) => Promise<{ readonly left: number }>;
  readonly peek: LookSide['peek'];
}

/**
 * Drains a scope before a caller reads or writes by SQL.
 * @returns `refused` if PostgreSQL would not take a part of it yet
 * @throws SpillwayError `DRAIN_TIMEOUT`
 */
export async function drainPatiently(
  { scope, wide, timeoutMs, beforeWrite }: PatientDrain,
  { drain, peek }: PatientDrainDeps,
): Promise<'drained' | 'refused'> {
  const deadline = performance.now() + timeoutMs;
  for (let round = 1; ; round++) {
    // Rows that a caller names rarely wait for other pending rows; if they do, the next round includes all of those.
    const { left } = await drain(
      round === 1 && scope.kind === 'rows' ? scope : wide,
      Math.max(1, deadline - performance.now()),
    );
    if (left === 0) return 'drained';
    if (round < DRAIN_ROUNDS) continue;
    if (!beforeWrite || scope.kind !== 'rows' || !(await arePending(scope.keys, peek))) return 'refused';
    if (performance.now() >= deadline) throw stillPending(scope.keys, timeoutMs);
    await pause(DRAIN_PAUSE_MS);
  }
}

async function arePending(keys: readonly RowKey[], peek: LookSide['peek']): Promise<boolean> {
  const pending = await peek(keys);
  return keys.some((key) => pending.get(key)?.dirty !== undefined || pending.get(key)?.inFlight !== undefined);
}

export function stillPending(keys: readonly RowKey[], timeoutMs: number): SpillwayError {
  return new SpillwayError(
    'DRAIN_TIMEOUT',
    `Of ${keys.length === 1 ? `the row ${keys[0]}` : `${keys.length} rows`} something staged earlier could not be written within ${timeoutMs} ms, so nothing was written by SQL either: ` +
      'a row is locked, or waits for another one. Try again, or give a longer drainTimeout',
  );
}
