import type { VersionText } from '../change/change.js';
import type { RowKey } from '../change/row-key.js';
import type { StagedMark } from './look-side.js';
import type { Refusal, StageGroup, StageUnit } from './stage-side.js';

/** What became of the changes of one unit of work. Every change is in exactly one of the four. */
export interface StageResult {
  /** Row -> the version that it has now, with what is staged; `undefined` for rows without versions. */
  readonly staged: ReadonlyMap<RowKey, VersionText | undefined>;
  /** Of what is staged: the last change of each row, by which it is asked later what became of it. */
  readonly marks: ReadonlyMap<RowKey, StagedMark>;
  readonly refused: readonly Refusal[];
  /** What may have run or may not. It has to be found out before its rows are changed again. */
  readonly unknown: readonly LostUnit[];
  /** What is known not to have run, and not to run later: the store could not be reached, or took nothing. */
  readonly dropped: readonly StageUnit[];
  /** What is staged and has not reached its tier. Absent: nothing. */
  readonly short?: readonly ShortUnit[];
}

/** A unit whose group has left, and was not answered. */
export interface LostUnit extends StageUnit {
  readonly group: StageGroup;
  /** Its place in the group. */
  readonly place: number;
}

/** A unit that is staged, and whose group has not reached its tier in time. */
export interface ShortUnit extends LostUnit {
  /** What the server has said, in words. */
  readonly said: string;
}

/** What became of one unit. */
export type Delivery =
  | {
      readonly status: 'staged';
      readonly versions: ReadonlyMap<RowKey, VersionText>;
      readonly marks: readonly StagedMark[];
      readonly short?: ShortUnit;
    }
  | { readonly status: 'refused'; readonly refusals: readonly Refusal[] }
  /** It may have run, or may yet run. `cause`: why this process will not know. */
  | { readonly status: 'unknown'; readonly lost: LostUnit; readonly cause?: Error }
  /** It has not run, and will not. `cause`: the store's error, unless the store could just not be reached. */
  | { readonly status: 'dropped'; readonly cause?: Error; readonly wasSent?: boolean };
