import { backOff, type BackOffLimits } from './back-off.js';
import type { Batch } from '../staging/flush-side.js';
import type { ShardState } from './board.js';
import type { Failure } from './failure.js';
import type { ShardResult } from './flush-report.js';
import type { FlushSettings } from './flush-settings.js';
import type { TurnContext } from './turn-context.js';

/**
 * The state of a shard after a flush with this result. After most results it is unknown when the shard is due; the next
 * look tells.
 */
export function afterFlush(
  state: ShardState,
  result: ShardResult,
  now: number,
  { settings, random }: TurnContext,
): ShardState {
  const unsettled = state.unsettled || (result.kind === 'failed' && result.mayBeCommitted === true);
  const landed = { ...state, unsettled, running: false, dueMs: state.demanded || unsettled ? now : undefined };
  const well = {
    ...landed,
    dueMs: state.demanded ? now : undefined,
    unsettled: false,
    silent: false,
    alone: false,
    blockedBy: undefined,
    backOff: backOff(state.backOff, { kind: 'succeeded' }, now, random),
  };
  switch (result.kind) {
    case 'done':
      return result.more
        ? { ...well, dueMs: now - settings.lingerMs, expected: moreThan(result.batch, settings) }
        : { ...well, expected: Math.max(1, result.batch.records.size) };
    case 'nothing':
      return { ...well, expected: 1 };
    case 'parked':
      return { ...well, dueMs: now };
    case 'busy': {
      const limits = { minDelayMs: settings.busyMs, maxDelayMs: settings.busyMs };
      return { ...landed, backOff: backOff(state.backOff, { kind: 'postponed', limits }, now, random) };
    }
    case 'failed': {
      const limits = limitsFor(result.failure, settings);
      const waiting = { ...landed, backOff: backOff(state.backOff, { kind: 'failed', limits }, now, random) };
      const { kind } = result.failure;
      return {
        ...waiting,
        alone: state.alone || (kind !== 'sink-down' && kind !== 'restart'),
        silent: kind === 'staging',
        blockedBy: kind === 'blocked' ? { error: result.failure.error, atMs: now } : undefined,
      };
    }
  }
}

/**
 * A batch that was cut off tells little of how many records are left: perhaps one, perhaps thousands. Its shard
 * therefore does not linger, and its part of a transaction grows until it has a transaction of its own.
 */
function moreThan({ records }: Batch, { batchSize }: FlushSettings): number {
  return Math.min(batchSize, 2 * Math.max(1, records.size));
}

/**
 * The circuit breaker handles a database that is down. Its shards therefore wait only a little, and not longer for each
 * failure, so that all of them continue as soon as the database is back.
 */
function limitsFor({ kind }: Failure, { retry, restart, stagingRetry }: FlushSettings): BackOffLimits {
  switch (kind) {
    case 'restart':
      return restart;
    case 'staging':
      return stagingRetry;
    case 'sink-down':
      return { minDelayMs: retry.minDelayMs, maxDelayMs: retry.minDelayMs };
    case 'blocked':
    case 'fault':
      return retry;
  }
}
