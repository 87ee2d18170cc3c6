import type { ChangeKind, VersionText } from './change.js';
import { knownVersion, mergeRecords } from './merge-records.js';
import type { Outcome } from './outcome.js';
import { inDoubt, CONFLICT, type StagedRecord } from './record.js';
import { overruled, raised, rebased } from './settle-record.js';

/**
 * One change of a row by a transaction that has not ended. The layers of a row lie on top of each other, the oldest
 * first, and all of them on the row's pending changes.
 */
export interface HeldLayer {
  /** The hold that brought the layer. */
  readonly id: string;
  readonly transaction: string;
  readonly record: StagedRecord;
}

/**
 * True if layers of other transactions keep a change out. Such a transaction may still commit, and its change can then
 * be neither refused nor lost, nor may it win in silence. Other changes of the row therefore wait until it ends.
 * Differences commute, so increments do not keep each other out.
 */
export function isKeptOut(layers: readonly HeldLayer[], transaction: string | undefined, kind: ChangeKind): boolean {
  return layers.some(
    (layer) => layer.transaction !== transaction && !(kind === 'increment' && layer.record.kind === 'increment'),
  );
}

/**
 * The dirty record as it would be if the layers were staged. `overflow`: a sum of differences, or a version, leaves
 * int64.
 */
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

/** The pending changes of a row beneath a layer that is staged. */
export interface Beneath {
  readonly dirty?: StagedRecord | undefined;
  readonly inFlight?: StagedRecord | undefined;
}

/**
 * A layer as a change that is staged now. If the pending version differs from the layer's base, the conflict strategy
 * must see the layer. If the layer's base was read in the database, a dirty record below it is always a conflict,
 * unless that record is doubtful.
 */
export function layerAsStaged(record: StagedRecord, beneath: Beneath, sequence: number, nowMs: number): StagedRecord {
  const stamped = { ...record, first: sequence, last: sequence, firstAtMs: nowMs };
  const dirty = beneath.dirty && knownVersion(beneath.dirty);
  const pending = dirty ?? (beneath.inFlight && knownVersion(beneath.inFlight));
  if (record.base === undefined || record.base === CONFLICT || pending === undefined) return stamped;
  const isOfAnother = record.isRowBase === true && dirty !== undefined && !beneath.dirty?.doubtful;
  return pending === record.base && !isOfAnother ? stamped : overruled(stamped, pending);
}

/**
 * The end of a batch's record beneath layers of its row, with the versions of the dirty record above it, before and
 * after.
 */
export interface Fate {
  readonly record: StagedRecord;
  readonly outcome: Outcome;
  readonly before: VersionText | undefined;
  readonly after: VersionText | undefined;
}

/**
 * Rebases layers whose ground did not end as its version says, as newer records are rebased: the lowest layer follows
 * what is beneath it, and each other layer follows the one before.
 */
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

/**
 * A parked record may have been written or not, so no layer can be based on it. `doubtful`: Redis may have forgotten
 * that it staged the layer.
 */
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
