import { tracingChannel } from 'node:diagnostics_channel';
import { describe, expect, test, vi } from 'vitest';
import { flushChannel, traced, type FlushMessage, type TelemetrySource } from '../../../src/observability/channels.js';
import { failuresOf, flushedRecordsOf, flushOutcomeOf } from '../../../src/flush/flushed-records.js';
import type { FlushReport, ShardResult } from '../../../src/flush/flush-report.js';
import type { Outcome } from '../../../src/change/outcome.js';
import { emptyRecord } from '../../../src/change/record.js';
import type { RowKey } from '../../../src/change/row-key.js';

const source = { namespace: 'shop' } as TelemetrySource;
const message = (): FlushMessage => ({ source, shards: 1, isOfDrain: false });

describe('a traced call', () => {
  test('makes no message where nobody has subscribed', async () => {
    const made = vi.fn<typeof message>(message);
    const noted = vi.fn<() => void>();
    await expect(traced(flushChannel, made, async () => Promise.resolve(7), noted)).resolves.toBe(7);
    expect(made).not.toHaveBeenCalled();
    expect(noted).not.toHaveBeenCalled();
  });

  test('tells its start, and its end with what has become of it', async () => {
    const told: string[] = [];
    const { start, asyncEnd } = tracingChannel<unknown, FlushMessage>('spillway:flush');
    const onStart = (each: unknown): void => void told.push(`start ${(each as FlushMessage).outcome}`);
    const onEnd = (each: unknown): void => void told.push(`end ${(each as FlushMessage).outcome}`);
    start.subscribe(onStart);
    asyncEnd.subscribe(onEnd);
    await traced(
      flushChannel,
      message,
      async () => Promise.resolve(told.push('run')),
      (made) => {
        made.outcome = 'written';
      },
    );
    start.unsubscribe(onStart);
    asyncEnd.unsubscribe(onEnd);
    expect(told).toEqual(['start undefined', 'run', 'end written']);
  });

  test('tells the error with which it rejects', async () => {
    const errors: unknown[] = [];
    const { asyncEnd } = tracingChannel<unknown, FlushMessage>('spillway:flush');
    const onEnd = (each: unknown): void => void errors.push((each as FlushMessage).error);
    asyncEnd.subscribe(onEnd);
    const error = new Error('no');
    await expect(
      traced(
        flushChannel,
        message,
        async () => Promise.reject(error),
        () => {},
      ),
    ).rejects.toBe(error);
    asyncEnd.unsubscribe(onEnd);
    expect(errors).toEqual([error]);
  });
});

const key = (name: string): RowKey => name as RowKey;

function done(outcomes: readonly (readonly [string, Outcome])[], ours = true): ShardResult {
  const record = { ...emptyRecord(), entity: 'Product', firstAtMs: 400, merged: 3 };
  const records = new Map(['a', 'b', 'c', 'd'].map((name) => [key(name), record]));
  const batch = {
    shard: 0,
    token: '2',
    predecessor: '1',
    attempts: 1,
    claimedAtMs: 1_000,
    records,
    unreadable: new Map([[key('e'), 'no record']]),
  };
  const known = new Map(outcomes.map(([name, outcome]) => [key(name), outcome]));
  return { kind: 'done', batch, outcomes: known, more: false, ours, databaseForgot: false };
}

describe('what a flush tells of itself', () => {
  const dead: Outcome = { kind: 'buried', code: 'CONFLICT', reason: 'no', rejected: false, counted: false };

  test('each record has its entity, its outcome, its changes and how long it has waited', () => {
    const report: FlushReport = new Map([
      [
        0,
        done([
          ['b', { kind: 'superseded' }],
          ['c', { kind: 'again', attempts: 1, delayMs: 1, reason: 'no' }],
          ['d', dead],
        ]),
      ],
    ]);
    const records = flushedRecordsOf(report);
    expect(records.get(key('a'))).toEqual({ entity: 'Product', outcome: 'written', changes: 3, waitedMs: 600 });
    expect([...records.values()].map(({ outcome }) => outcome)).toEqual([
      'written',
      'superseded',
      'again',
      'dead',
      'dead',
    ]);
    expect(flushOutcomeOf(report)).toBe('written');
  });

  test('a batch that another process has ended is not told', () => {
    expect(flushedRecordsOf(new Map([[0, done([], false)]])).size).toBe(0);
  });

  test('a flush without a batch has failed where a shard has; otherwise there was nothing', () => {
    const failure = { kind: 'fault', error: new Error('no') } as const;
    const failed: ShardResult = { kind: 'failed', failure };
    expect(flushOutcomeOf(new Map([[0, { kind: 'nothing' }]]))).toBe('nothing');
    expect(
      flushOutcomeOf(
        new Map<number, ShardResult>([
          [0, { kind: 'busy' }],
          [1, failed],
        ]),
      ),
    ).toBe('failed');
    expect(
      failuresOf(
        new Map([
          [0, failed],
          [1, failed],
        ]),
      ),
    ).toMatchObject([{ kind: 'fault', error: { message: 'no' } }]);
  });
});
