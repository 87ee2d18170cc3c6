import { mergeRecords } from '../../change/merge-records.js';
import { HIDDEN, isHiddenBy } from '../../change/settle-record.js';
import { covers, type BatchOutcome } from '../../change/outcome.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import type { AddedRecord, Extension } from '../flush-side.js';
import type { Pending } from '../look-side.js';
import type { FlightBatch, MemoryShard } from './memory-shard.js';

const REASON = 'Its transaction was rolled back in part, and the sum leaves int64';

/** Row key -> the last part of the batch in which a record was added to it. */
export function lastParts(flight: FlightBatch): ReadonlyMap<RowKey, number> {
  return new Map(flight.parts.flatMap((part, index) => [...part.keys()].map((rowKey) => [rowKey, index + 1] as const)));
}

export function inFlightOf(
  flight: FlightBatch,
  rowKey: RowKey,
  record: StagedRecord,
): NonNullable<Pending['inFlight']> {
  const part = lastParts(flight).get(rowKey);
  return { record, token: flight.token, ...(part !== undefined && { part }) };
}

/** Adds the dirty records of these rows to the batch. A record that cannot be merged with one in flight stays dirty. */
export function addPart(shard: MemoryShard, flight: FlightBatch, rows: readonly RowKey[]): Extension {
  const part = new Map<RowKey, AddedRecord>();
  for (const rowKey of rows) {
    const record = shard.dirty.get(rowKey);
    const before = flight.records.get(rowKey);
    const merged = record && before ? mergeRecords(before, record) : record;
    if (record === undefined || merged === undefined) continue;
    if (before && isHiddenBy(before, record)) continue;
    flight.mark = smallerMark(flight.mark, shard.due.get(rowKey)?.mark);
    shard.dropDirty(rowKey);
    if (before === undefined) shard.count(record.entity, 1);
    flight.records.set(rowKey, merged);
    part.set(rowKey, { ...(before !== undefined && { before }), record });
  }
  flight.parts.push(part);
  return { part: flight.parts.length, added: part };
}

/**
 * Makes added records dirty again that no outcome covers, under the records that are dirty by now: they were not
 * written. Answers `true` if there is one.
 */
export function takeBackUncovered(
  shard: MemoryShard,
  flight: FlightBatch,
  outcomes: BatchOutcome,
  nowMs: number,
): boolean {
  const back = new Map<RowKey, StagedRecord>();
  const bury = (rowKey: RowKey, record: StagedRecord, code = 'COUNTER_OVERFLOW', reason = REASON): void =>
    shard.bury({ code, reason, rowKey, token: flight.token, atMs: nowMs, record });
  for (const [index, part] of [...flight.parts.entries()].toReversed()) {
    for (const [rowKey, { before, record }] of part) {
      if (covers(outcomes.get(rowKey), index + 1)) continue;
      part.delete(rowKey);
      // A row that is not in flight has been thrown away.
      if (!flight.records.has(rowKey)) continue;
      if (before) flight.records.set(rowKey, before);
      else {
        flight.records.delete(rowKey);
        shard.count(record.entity, -1);
      }
      const newer = back.get(rowKey);
      const merged = newer ? mergeRecords(record, newer) : record;
      if (merged === undefined) bury(rowKey, record);
      else back.set(rowKey, merged);
    }
  }
  let hasComeBack = false;
  for (const [rowKey, record] of back) {
    const newer = shard.dirty.get(rowKey);
    const merged = newer ? mergeRecords(record, newer) : record;
    if (newer && isHiddenBy(record, newer)) bury(rowKey, record, 'CONFLICT', HIDDEN);
    else if (merged === undefined) bury(rowKey, record);
    else {
      shard.putDirty(rowKey, merged, shard.due.get(rowKey) ?? { atMs: nowMs });
      hasComeBack = true;
    }
  }
  return hasComeBack;
}

export function smallerMark(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
