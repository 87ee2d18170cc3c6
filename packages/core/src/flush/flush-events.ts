import { textOf } from '../errors.js';
import type { RowKey } from '../change/row-key.js';
import type { Outcome } from '../change/outcome.js';
import type { SpillwayEvent } from '../events.js';
import type { FlushReport, ShardResult } from './flush-report.js';

/**
 * The events of a flush's results. Failures are left out, because their events depend on the earlier state. A batch
 * that another process has ended is reported by that process.
 */
export function* eventsOf(report: FlushReport): Generator<SpillwayEvent> {
  for (const [shard, result] of report) {
    if (result.kind === 'done' && result.ours) {
      yield* eventsOfBatch(shard, result);
    }
    if (result.kind === 'parked') {
      yield { type: 'staging-loss', shard, forgot: 'staging', ...result.report };
    }
  }
}

function* eventsOfBatch(
  shard: number,
  { batch, outcomes, databaseForgot }: Extract<ShardResult, { kind: 'done' }>,
): Generator<SpillwayEvent> {
  let recordsAgain = 0;
  let recordsDead = 0;
  for (const [rowKey, outcome] of outcomes) {
    recordsAgain += outcome.kind === 'again' ? 1 : 0;
    recordsDead += outcome.kind === 'buried' ? 1 : 0;
    yield* eventsOfRecord(shard, rowKey, batch.records.get(rowKey)?.entity ?? '', outcome);
  }
  if (databaseForgot) {
    yield { type: 'staging-loss', shard, forgot: 'database', token: batch.token };
  }
  yield {
    type: 'written',
    shard,
    token: batch.token,
    records: batch.records.size + batch.unreadable.size,
    recordsAgain,
    recordsDead,
  };
}

/** The codes of dead letters whose row was not as the record expected. Other codes do not stand for a conflict. */
const CONFLICTS = new Set(['CONFLICT', 'ROW_MISSING', 'ROW_EXISTS']);

function* eventsOfRecord(shard: number, rowKey: RowKey, entity: string, outcome: Outcome): Generator<SpillwayEvent> {
  if (outcome.kind === 'superseded') {
    yield { type: 'conflict', shard, entity, rowKey, settled: 'database' };
  }
  if (outcome.kind === 'buried') {
    if (CONFLICTS.has(outcome.code)) {
      yield { type: 'conflict', shard, entity, rowKey, settled: 'nobody' };
    }
    yield { type: 'dead-letter', shard, entity, rowKey, code: outcome.code, reason: outcome.reason };
  }
}

/**
 * The events of the failures of one flush: shards that failed by the same error are one event. `blocked` failures are
 * left out; their event is emitted when a shard becomes blocked.
 */
export function* eventsOfFailures(report: FlushReport): Generator<SpillwayEvent> {
  const byError = new Map<
    string,
    { readonly result: Extract<ShardResult, { kind: 'failed' }>; readonly shards: number[] }
  >();
  for (const [shard, result] of report) {
    if (result.kind === 'failed') {
      const key = `${result.failure.kind} ${textOf(result.failure.error)}`;
      const group = byError.get(key) ?? { result, shards: [] };
      group.shards.push(shard);
      byError.set(key, group);
    }
  }
  for (const { result, shards } of byError.values()) {
    const { kind, error } = result.failure;
    if (kind !== 'blocked') {
      yield { type: 'retry', shards, reason: kind, error };
    }
  }
}
