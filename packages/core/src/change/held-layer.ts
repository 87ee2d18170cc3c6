import type { ChangeKind, VersionText } from './change.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import type { Outcome } from './outcome.js';
import { inDoubt } from './doubt.js';
import { CONFLICT, type StagedRecord } from './record.js';
import { overruled, raised, rebased } from './settle-record.js';

/** One change of a row that belongs to a transaction which has not ended. A row's layers lie on top of each other, the oldest first, and all of them on what is pending of the row. */
export interface HeldLayer {
  /** The hold that it came with. */
  readonly id: string;
  readonly transaction: string;
  readonly record: StagedRecord;
}

/**
 * Whether what others hold of a row keeps a change out. The transaction that holds it may commit, and then its change can neither be refused nor lost nor win in silence, so nobody
 * builds on the row before that is known. Differences commute: they keep each other out of nothing.
 */
export function isKeptOut(layers: readonly HeldLayer[], transaction: string | undefined, kind: ChangeKind): boolean {
  return layers.some(
    (layer) => layer.transaction !== transaction && !(kind === 'increment' && layer.record.kind === 'increment'),
  );
}

/** What would be dirty if the layers were released. `overflow`: a sum of differences, or a version, leaves int64. */
export function withLayers(
  dirty: StagedRecord | undefined,
  layers: readonly HeldLayer[],
): StagedRecord | undefined | 'overflow' {
  let top = dirty;
  for (const { record } of layers) {
    top = top === undefined ? record : mergeRecords(top, record);
    if (top === undefined) return 'overflow';
  }
  return top;
}

/** What is pending of a row beneath a layer that is released. */
export interface Beneath {
  readonly dirty?: StagedRecord | undefined;
  readonly inFlight?: StagedRecord | undefined;
}

/**
 * A layer as it is released: a change staged now. If what is pending is not what it was held upon, the conflict strategy must see it. A dirty record is never what a layer was held upon that
 * has read its version in the database.
 */
export function releasedRecord(record: StagedRecord, beneath: Beneath, sequence: number, nowMs: number): StagedRecord {
  const stamped = { ...record, first: sequence, last: sequence, firstAtMs: nowMs };
  const dirty = beneath.dirty && knownVersion(beneath.dirty);
  const pending = dirty ?? (beneath.inFlight && knownVersion(beneath.inFlight));
  if (record.base === undefined || record.base === CONFLICT || pending === undefined) return stamped;
  const isOfAnother = record.isRowBase === true && dirty !== undefined && !beneath.dirty?.doubtful;
  return pending === record.base && !isOfAnother ? stamped : overruled(stamped, pending);
}

/** How a record of a batch has ended beneath layers of its row: the versions of what was dirty above it, before and after. */
export interface Fate {
  readonly record: StagedRecord;
  readonly outcome: Outcome;
  readonly before: VersionText | undefined;
  readonly after: VersionText | undefined;
}

/** Layers are told like anything newer, if what they lie on did not end as its version says: the lowest follows what is beneath it, and each follows the one before. */
export function retold(layers: readonly HeldLayer[], fate: Fate): readonly HeldLayer[] {
  let follow = (record: StagedRecord): StagedRecord => toldOf(record, fate);
  return layers.map((layer) => {
    const record = follow(layer.record);
    const { version: before } = layer.record;
    const { version: after } = record;
    if (before !== undefined) follow = (above) => followed(above, before, after);
    return record === layer.record ? layer : { ...layer, record };
  });
}

/** What is parked may have been written or not, so nothing can be based on it. `doubtful`: Redis may have forgotten that the layer was released. */
export function layersInDoubt(layers: readonly HeldLayer[], isOnPending: boolean): readonly HeldLayer[] {
  let isLowest = true;
  return layers.map((layer) => {
    const doubted = inDoubt(layer.record);
    const record = isLowest && isOnPending ? overruled(doubted, undefined) : doubted;
    if (record.version !== undefined) isLowest = false;
    return { ...layer, record };
  });
}

function toldOf(record: StagedRecord, { record: flown, outcome, before, after }: Fate): StagedRecord {
  if (before !== undefined) return followed(record, before, after);
  if (outcome.kind === 'version') return rebased(record, flown, outcome.version);
  const isGone = outcome.kind === 'superseded' || outcome.kind === 'buried';
  return isGone && after === undefined ? overruled(record, outcome.version) : record;
}

function followed(record: StagedRecord, before: VersionText, after: VersionText | undefined): StagedRecord {
  if (after === undefined || after === before || record.base !== before) return record;
  return raised({ ...record, base: after }, after);
}
