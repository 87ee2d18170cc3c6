import { inDoubt, settledByVersion, type StagedRecord } from '../../change/record.js';
import { layersInDoubt, retold } from '../../change/held-layer.js';
import { knownVersion, mergeRecords } from '../../change/merge-records.js';
import type { VersionText } from '../../change/change.js';
import type { BatchOutcome } from '../../change/outcome.js';
import type { RowKey } from '../../change/row-key.js';
import { isHiddenBy, settleRecord, type Settled } from '../../change/settle-record.js';
import type { ParkReport } from '../flush-side.js';
import { takeBackUncovered } from './batch-parts.js';
import type { MemoryShard } from './memory-shard.js';

/** Ends the batch in flight by its ledger row. */
export function settleBatch(shard: MemoryShard, token: string, outcomes: BatchOutcome, nowMs: number): void {
  const mark = shard.flight?.mark;
  let hasComeBack = shard.flight !== undefined && takeBackUncovered(shard, shard.flight, outcomes, nowMs);
  for (const [rowKey, record] of shard.land()) {
    const outcome = outcomes.get(rowKey) ?? { kind: 'applied' };
    const before = dirtyVersion(shard, rowKey);
    const settled = settleRecord(record, outcome, shard.dirty.get(rowKey));
    putBack(shard, rowKey, settled, nowMs);
    hasComeBack ||= (settled.dirty?.first ?? Infinity) <= record.last;
    if (settled.letter) shard.bury({ ...settled.letter, rowKey, token, atMs: nowMs });
    if (settled.written) shard.remember(rowKey, settled.written, record.last);
    if (settled.void !== undefined) shard.rememberVoid(rowKey, settled.void);
    const after = dirtyVersion(shard, rowKey);
    shard.setLayers(rowKey, retold(shard.layersOf(rowKey), { record, outcome, before, after }));
  }
  if (hasComeBack) shard.tellDrains(mark);
  shard.last = token;
}

function dirtyVersion(shard: MemoryShard, rowKey: RowKey): VersionText | undefined {
  const dirty = shard.dirty.get(rowKey);
  return dirty && knownVersion(dirty);
}

function putBack(shard: MemoryShard, rowKey: RowKey, settled: Settled, nowMs: number): void {
  if (settled.dirty === undefined) return;
  const { retryInMs, keepsPause = false } = settled;
  const due = retryInMs === undefined ? shard.due.get(rowKey) : { atMs: nowMs + retryInMs, keepsPause };
  shard.putDirty(rowKey, settled.dirty, due ?? { atMs: nowMs });
}

export const DOUBT = 'Redis or the database has forgotten something: whether this was written is not known';

/** Parks all pending records, except those that the database can settle by a version; or keeps them (`apply`). */
export function parkAll(shard: MemoryShard, lastToken: string, onLoss: 'park' | 'apply', nowMs: number): ParkReport {
  const report = { parked: 0, doubtful: 0 };
  const token = shard.flight?.token ?? '';
  shard.tellDrains(shard.flight?.mark);
  const park = (rowKey: RowKey, record: StagedRecord): void => {
    shard.bury({ code: 'STAGING_LOSS', reason: DOUBT, rowKey, token, atMs: nowMs, record });
    report.parked += 1;
  };

  const pending = new Map(shard.dirty);
  for (const [rowKey, record] of shard.land()) {
    const dirty = shard.dirty.get(rowKey);
    const isHidden = dirty !== undefined && isHiddenBy(record, dirty);
    const merged = dirty === undefined ? record : mergeRecords(record, dirty);
    if (isHidden || merged === undefined) park(rowKey, record);
    else pending.set(rowKey, merged);
  }
  if (onLoss === 'park')
    for (const [rowKey, layers] of shard.layers) shard.setLayers(rowKey, layersInDoubt(layers, pending.has(rowKey)));
  for (const [rowKey, record] of pending) {
    const due = shard.due.get(rowKey) ?? { atMs: nowMs };
    shard.dropDirty(rowKey);
    if (onLoss === 'apply') shard.putDirty(rowKey, record, due);
    else if (settledByVersion(record)) {
      shard.putDirty(rowKey, inDoubt(record), due);
      report.doubtful += 1;
    } else park(rowKey, record);
  }
  shard.last = lastToken;
  shard.since = String(nowMs);
  return report;
}
