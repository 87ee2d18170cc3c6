import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/change/outcome.js';
import { type RowKey, rowKeyOf } from '../../../src/change/row-key.js';
import { eventsOf, eventsOfFailures } from '../../../src/flush/flush-events.js';
import type { FlushReport, ShardResult } from '../../../src/flush/flush-report.js';
import type { Batch } from '../../../src/staging/flush-side.js';

const rows = [0, 1, 2, 3].map((id) => rowKeyOf({ schema: 'public', table: 'product', key: [String(id)] }));
const record = {
  kind: 'update',
  entity: 'Product',
  values: { name: '"a secret"' },
  deltas: {},
  originals: {},
  first: 1,
  last: 1,
  firstAtMs: 0,
  merged: 1,
  attempts: 0,
  doubtful: false,
} as const;
const batch: Batch = {
  shard: 2,
  token: 't',
  predecessor: 'origin',
  attempts: 1,
  claimedAtMs: 1_000_000_000,
  records: new Map(rows.map((rowKey) => [rowKey, record])),
  unreadable: new Map(),
};

function done(change: Partial<Extract<ShardResult, { kind: 'done' }>>, ...outcomes: readonly Outcome[]): FlushReport {
  const byRow = new Map<RowKey, Outcome>();
  for (const [index, outcome] of outcomes.entries()) {
    byRow.set(rows[index] ?? rowKeyOf({ schema: '', table: '', key: ['?'] }), outcome);
  }
  return new Map([
    [2, { kind: 'done', batch, outcomes: byRow, more: false, ours: true, databaseForgot: false, ...change }],
  ]);
}

const rejected: Outcome = { kind: 'buried', code: '23514', reason: 'a check', rejected: true, counted: false };
const overruled: Outcome = { kind: 'buried', code: 'CONFLICT', reason: 'version 5', rejected: false, counted: false };

describe('the events of a flush', () => {
  it('count what was written, what has to wait and what died', () => {
    const again: Outcome = { kind: 'again', attempts: 1, delayMs: 100, reason: 'locked' };
    expect([...eventsOf(done({}, rejected, again))].at(-1)).toEqual({
      type: 'written',
      shard: 2,
      token: 't',
      records: 4,
      recordsAgain: 1,
      recordsDead: 1,
    });
  });

  it('name the rows that met a conflict or became dead letters, and never a value', () => {
    const unreadable = { ...overruled, code: 'UNREADABLE', reason: 'bad bytes' };
    const events = [...eventsOf(done({}, rejected, overruled, { kind: 'superseded' }, unreadable))];
    const named = { shard: 2, entity: 'Product' };
    expect(events.slice(0, -1)).toEqual([
      { type: 'dead-letter', ...named, rowKey: rows[0], code: '23514', reason: 'a check' },
      { type: 'conflict', ...named, rowKey: rows[1], settled: 'nobody' },
      { type: 'dead-letter', ...named, rowKey: rows[1], code: 'CONFLICT', reason: 'version 5' },
      { type: 'conflict', ...named, rowKey: rows[2], settled: 'database' },
      { type: 'dead-letter', ...named, rowKey: rows[3], code: 'UNREADABLE', reason: 'bad bytes' },
    ]);
    expect(JSON.stringify(events)).not.toContain('secret');
  });

  it('are left to the process that has ended the batch', () => {
    expect([...eventsOf(done({ ours: false }, rejected))]).toEqual([]);
  });

  it('say which side has forgotten something', () => {
    expect([...eventsOf(done({ databaseForgot: true }))][0]).toEqual({
      type: 'staging-loss',
      shard: 2,
      forgot: 'database',
      token: 't',
    });
    expect([...eventsOf(new Map([[2, { kind: 'parked', report: { parked: 3, doubtful: 1 } }]]))]).toEqual([
      { type: 'staging-loss', shard: 2, forgot: 'staging', parked: 3, doubtful: 1 },
    ]);
  });

  it('are one for all shards that failed by the same error', () => {
    const error = new Error('deadlock');
    const report: FlushReport = new Map([
      [1, { kind: 'failed', failure: { kind: 'restart', error } }],
      [2, { kind: 'failed', failure: { kind: 'restart', error } }],
      [3, { kind: 'failed', failure: { kind: 'blocked', error: new Error('no table') } }],
    ]);
    expect([...eventsOfFailures(report)]).toEqual([{ type: 'retry', shards: [1, 2], reason: 'restart', error }]);
  });
});
