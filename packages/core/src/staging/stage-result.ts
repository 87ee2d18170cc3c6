import type { Change, VersionText } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import type { RulesByEntity } from './entity-rules.js';
import type { StagedMark } from './look-side.js';
import type { Refusal, StageGroup, StageUnit } from './stage-side.js';

/** What became of the changes of one unit of work. Every change is in exactly one of the four. */
export interface StageResult {
  /** Row -> the version that it has now, with what is staged; `undefined` for rows without versions. */
  readonly staged: ReadonlyMap<RowKey, VersionText | undefined>;
  /** Of what is staged: the last change of each row, by which it is asked later what became of it. */
  readonly marks: ReadonlyMap<RowKey, StagedMark>;
  readonly refused: readonly Refusal[];
  /** What may have run or may not. It has to be settled before its rows are changed again. */
  readonly unknown: readonly LostUnit[];
  /** What is known not to have run, and not to run later: the store could not be reached, or took nothing. */
  readonly dropped: readonly StageUnit[];
}

/** A unit whose group has left, and was not answered. */
export interface LostUnit extends StageUnit {
  readonly group: StageGroup;
  /** Its place in the group. */
  readonly place: number;
}

/** What became of one unit. */
export type Delivery =
  | {
      readonly status: 'staged';
      readonly versions: ReadonlyMap<RowKey, VersionText>;
      readonly marks: readonly StagedMark[];
    }
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** It may have run, or may yet run. `cause`: why this process will not know. */
  | { readonly status: 'unknown'; readonly lost: LostUnit; readonly cause?: Error }
  /** It has not run, and will not. `cause`: the store's error, unless the store could just not be reached. */
  | { readonly status: 'dropped'; readonly cause?: Error; readonly wasSent?: boolean };

export const NOTHING: StageResult = { staged: new Map(), marks: new Map(), refused: [], unknown: [], dropped: [] };

/** Joins what became of several units. */
export function collect(units: readonly StageUnit[], deliveries: readonly Delivery[]): StageResult {
  const staged = new Map<RowKey, VersionText | undefined>();
  const marks = new Map<RowKey, StagedMark>();
  const refused: Refusal[] = [];
  const unknown: LostUnit[] = [];
  const dropped: StageUnit[] = [];
  deliveries.forEach((delivery, index) => {
    const unit = units[index] as StageUnit;
    if (delivery.status === 'staged') {
      noteVersions(staged, unit, delivery.versions);
      for (const mark of delivery.marks) marks.set(mark.rowKey, mark);
    } else if (delivery.status === 'refused') for (const refusal of delivery.refusals) refused.push(refusal);
    else if (delivery.status === 'unknown') unknown.push(delivery.lost);
    else dropped.push(unit);
  });
  return { staged, marks, refused, unknown, dropped };
}

/** The store tells only the versions that differ from what was asked for. */
function noteVersions(
  staged: Map<RowKey, VersionText | undefined>,
  unit: StageUnit,
  versions: ReadonlyMap<RowKey, VersionText>,
): void {
  for (const { rowKey, version } of unit.changes)
    staged.set(rowKey, versions.get(rowKey) ?? version ?? staged.get(rowKey));
}

/** An entity's share of a shard is known here only. */
export function withLimits(
  refused: readonly Refusal[],
  changes: readonly Change[],
  rules: RulesByEntity,
): readonly Refusal[] {
  if (refused.length === 0) return refused;
  const entityOf = new Map(changes.map(({ rowKey, entity }) => [rowKey, entity]));
  return refused.map((refusal) => {
    const limit = refusal.reason === 'full' ? rules[entityOf.get(refusal.rowKey) ?? '']?.maxPending : undefined;
    return limit === undefined ? refusal : { ...refusal, limit };
  });
}
