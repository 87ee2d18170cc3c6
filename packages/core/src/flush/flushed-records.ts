import { bareError } from '../bare-error.js';
import type { Outcome } from '../change/outcome.js';
import type { RowKey } from '../change/row-key.js';
import type { FlushedRecord, FlushOutcome, RecordOutcome } from '../observability/channels.js';
import type { FlushReport, ShardResult } from './flush-report.js';

type Done = Extract<ShardResult, { readonly kind: 'done' }>;
type Failed = Extract<ShardResult, { readonly kind: 'failed' }>;

/** How a flush over several shards has ended, in one word. */
export function flushOutcomeOf(report: FlushReport): FlushOutcome {
  const kinds = new Set([...report.values()].map(({ kind }) => kind));
  if (kinds.has('done')) return 'written';
  return kinds.has('failed') ? 'failed' : 'nothing';
}

/** The records of the batches that this flush has ended. */
export function flushedRecordsOf(report: FlushReport): ReadonlyMap<RowKey, FlushedRecord> {
  const records = new Map<RowKey, FlushedRecord>();
  for (const result of report.values()) {
    if (result.kind !== 'done' || !result.ours) continue;
    for (const [rowKey, record] of recordsOf(result)) records.set(rowKey, record);
  }
  return records;
}

/** One failure of each kind, with no more of its error than events tell. */
export function failuresOf(report: FlushReport): readonly Failed['failure'][] {
  const failures = [...report.values()].flatMap((result) => (result.kind === 'failed' ? result.failure : []));
  return [...new Map(failures.map(({ kind, error }) => [kind, { kind, error: bareError(error) }])).values()];
}

function* recordsOf({ batch, outcomes }: Done): Generator<readonly [RowKey, FlushedRecord]> {
  for (const [rowKey, { entity, merged, firstAtMs }] of batch.records) {
    const waitedMs = Math.max(0, batch.claimedAtMs - firstAtMs);
    yield [rowKey, { entity, outcome: outcomeOf(outcomes.get(rowKey)), changes: merged, waitedMs }];
  }
  for (const rowKey of batch.unreadable.keys()) {
    yield [rowKey, { entity: '', outcome: 'dead', changes: 0, waitedMs: 0 }];
  }
}

function outcomeOf(outcome: Outcome | undefined): RecordOutcome {
  switch (outcome?.kind) {
    case 'superseded':
    case 'again':
      return outcome.kind;
    case 'buried':
      return 'dead';
    default:
      return 'written';
  }
}
