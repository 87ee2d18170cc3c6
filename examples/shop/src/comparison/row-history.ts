import type { Change, WrittenRow } from '../journal/change.js';

type Makers = ReadonlyMap<number, readonly WrittenRow[]>;

/** The entries of the journals about one row. */
export class RowHistory {
  /** Version -> the changes that were acknowledged under it. More than one means that one was overwritten. */
  readonly acknowledgedMakers: Makers;
  /** Version -> the changes that may have made it. */
  readonly doubtfulMakers: Makers;
  /** How often the row was counted: at least, and at most. */
  readonly counts: { readonly min: number; readonly max: number };
  readonly wasDeleted: boolean;
  readonly mayBeDeleted: boolean;
  readonly mayBeInserted: boolean;

  constructor(
    readonly acknowledged: readonly Change[],
    inDoubt: readonly Change[],
  ) {
    const all = [...acknowledged, ...inDoubt];
    this.acknowledgedMakers = byVersion(acknowledged);
    this.doubtfulMakers = byVersion(inDoubt);
    this.counts = { min: countOf(acknowledged, 'count'), max: countOf(all, 'count') };
    this.wasDeleted = countOf(acknowledged, 'delete') > 0;
    this.mayBeDeleted = countOf(all, 'delete') > 0;
    this.mayBeInserted = countOf(all, 'insert') > 0;
  }

  /** The changes that may have made a version; none if nobody is known to have made it. */
  makersOf(version: number): readonly WrittenRow[] {
    return this.acknowledgedMakers.get(version) ?? this.doubtfulMakers.get(version) ?? [];
  }
}

function byVersion(changes: readonly Change[]): Makers {
  return Map.groupBy(changes.filter(isWritten), (change) => change.version);
}

function isWritten(change: Change): change is WrittenRow {
  return change.kind === 'insert' || change.kind === 'update';
}

function countOf(changes: readonly Change[], kind: Change['kind']): number {
  return changes.filter((change) => change.kind === kind).length;
}
