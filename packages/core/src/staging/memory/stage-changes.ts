import { coalesceChange, recordOf, type RowState } from '../../change/coalesce-change.js';
import { isKeptOut, withLayers } from '../../change/held-layer.js';
import { encodeRecord } from '../../change/record-codec.js';
import type { Change, VersionText } from '../../change/change.js';
import type { StagedRecord } from '../../change/record.js';
import type { RowKey } from '../../change/row-key.js';
import { isSecondStep } from '../../change/step.js';
import type { Refusal, StageRules } from '../stage-side.js';
import { notePolicies, otherPolicy, type ShardChanges } from './memory-policies.js';
import type { DueTime, MemoryShard } from './memory-shard.js';

/** The effects of changes, computed before any of them is written: all are accepted, or none. */
export interface StagePlan {
  /** If there are any, nothing may be written. */
  readonly refusals: readonly Refusal[];
  /** The change at which each of them came. A policy refuses before any change is looked at. */
  readonly refused: readonly Change[];
  /** Rows whose version differs from what the change asked for. */
  readonly versions: ReadonlyMap<RowKey, VersionText>;
  /** Row -> the dirty record afterwards; `undefined`: none. */
  readonly rows: ReadonlyMap<RowKey, StagedRecord | undefined>;
  /** For a hold: every change as a record of its own. */
  readonly records: readonly (StagedRecord | undefined)[];
  readonly coalesced: number;
  readonly annihilated: number;
}

/** @param transaction the changes lie on its layers, and become layers of it. Absent: the changes are staged */
export function planStage(shard: MemoryShard, call: ShardChanges, nowMs: number, transaction?: string): StagePlan {
  const rows = new Map<RowKey, StagedRecord | undefined>();
  const versions = new Map<RowKey, VersionText>();
  const refusals = new Map<RowKey, Refusal>();
  const refused: Change[] = [];
  const refuse = (change: Change, refusal: Refusal): void => {
    refusals.set(change.rowKey, refusal);
    refused.push(change);
  };
  const added = new Map<string, number>();
  const records: (StagedRecord | undefined)[] = [];
  let coalesced = 0;
  let annihilated = 0;
  const other = otherPolicy(shard, call);
  if (other) return { refusals: [other], refused, versions, rows, records, coalesced, annihilated };

  call.changes.forEach((asked, index) => {
    const { rowKey } = asked;
    if (refusals.has(rowKey)) return;
    const layers = shard.layersOf(rowKey);
    if (isKeptOut(layers, transaction, asked.kind)) {
      refuse(asked, { rowKey, reason: 'held' });
      return;
    }
    const known = shard.row(rowKey);
    const own = layers.filter((layer) => layer.transaction === transaction);
    const change = own.length > 0 ? onOwnLayers(asked) : asked;
    const dirty = rows.has(rowKey) ? rows.get(rowKey) : withLayers(known.dirty, own);
    if (dirty === 'overflow') {
      refuse(asked, { rowKey, reason: 'overflow' });
      return;
    }
    const row: RowState = { ...known, dirty };
    const stamp = { sequence: shard.sequence + index + 1, nowMs };
    const result = coalesceChange(row, change, stamp);
    if (result.status === 'refused') {
      const { reason, version } = result;
      refuse(asked, { rowKey, reason, ...(version === undefined ? {} : { version }) });
      return;
    }
    const record = result.status === 'dirty' ? result.record : undefined;
    if (record && waitsForStep(row, change, call.rules[change.entity])) {
      refuse(asked, { rowKey, reason: 'step' });
      return;
    }
    const limit = record && overLimit(shard, rowKey, call.rules[change.entity], record, row, added);
    if (limit !== undefined) {
      refuse(asked, { rowKey, reason: limit });
      return;
    }
    if (row.dirty !== undefined) coalesced += record === undefined ? 0 : 1;
    if (record === undefined) annihilated += 1;
    adjust(added, row.dirty?.entity, -1);
    adjust(added, record?.entity, 1);
    rows.set(rowKey, record);
    records.push(transaction === undefined ? undefined : recordOf(row, change, stamp));
    noteVersion(versions, change, record);
  });

  return { refusals: [...refusals.values()], refused, versions, rows, records, coalesced, annihilated };
}

export function writeStage(shard: MemoryShard, call: ShardChanges, plan: StagePlan, nowMs: number): void {
  for (const [rowKey, record] of plan.rows) {
    const before = shard.due.get(rowKey);
    if (record === undefined) shard.dropDirty(rowKey);
    else shard.putDirty(rowKey, record, dueTime(before, record, call.rules[record.entity], nowMs));
  }
  notePolicies(shard, call, nowMs);
  shard.sequence += call.changes.length;
  shard.coalesced += plan.coalesced;
  shard.annihilated += plan.annihilated;
}

/** The transaction may have written its own layer by SQL, and read the row again: its base counts as a staged one. */
function onOwnLayers(change: Change): Change {
  const { isRowBase: _, ...rest } = change;
  return rest;
}

/** The quiet time after the last change, bounded by the longest wait of the first. A marked record stays marked. */
export function dueTime(
  before: DueTime | undefined,
  record: StagedRecord,
  rules: StageRules | undefined,
  nowMs: number,
): DueTime {
  const atMs = rules === undefined ? nowMs : Math.min(record.firstAtMs + rules.maxDelayMs, nowMs + rules.debounceMs);
  return before?.mark === undefined ? { atMs } : { atMs, mark: before.mark };
}

function waitsForStep({ dirty, inFlight }: RowState, change: Change, rules: StageRules | undefined): boolean {
  const { steps } = rules ?? {};
  if (steps === undefined) return false;
  return [dirty, inFlight].some((pending) => pending !== undefined && isSecondStep(change, pending, steps));
}

function overLimit(
  shard: MemoryShard,
  rowKey: RowKey,
  rules: StageRules | undefined,
  record: StagedRecord,
  row: { readonly dirty?: StagedRecord | undefined; readonly inFlight?: StagedRecord | undefined },
  added: ReadonlyMap<string, number>,
): 'full' | 'too-large' | undefined {
  if (rules === undefined) return undefined;
  const isNewRow = row.dirty === undefined && row.inFlight === undefined;
  const pending =
    (shard.pending.get(record.entity) ?? 0) + shard.heldOf(record.entity) + (added.get(record.entity) ?? 0);
  if (isNewRow && pending >= rules.maxPending) return 'full';
  return Buffer.byteLength(rowKey) + encodeRecord(record).byteLength > rules.maxRecordBytes ? 'too-large' : undefined;
}

function adjust(counts: Map<string, number>, entity: string | undefined, difference: number): void {
  if (entity !== undefined) counts.set(entity, (counts.get(entity) ?? 0) + difference);
}

/** Tells the caller only versions that it does not know. */
function noteVersion(versions: Map<RowKey, VersionText>, change: Change, record: StagedRecord | undefined): void {
  if (change.kind === 'increment') return;
  if (record?.version === undefined || record.kind === 'delete' || record.version === change.version)
    versions.delete(change.rowKey);
  else versions.set(change.rowKey, record.version);
}
