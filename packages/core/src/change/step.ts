import type { Change } from './change.js';
import { makesMissing } from './missing.js';
import type { StagedRecord } from './record.js';

/**
 * Values of an entity that other rows may want, or may have to let go first: unique ones, and references to rows that
 * have unique ones. `all` where it cannot be told which.
 */
export type StepValues = readonly string[] | 'all';

/**
 * Whether a change is a step on a step that is not written yet. A step is a change of such values, or of whether there
 * is a row. Rows can pass a unique value round by a value between: A from 1 to 0, B from 2 to 1, A from 0 to 2. Were
 * the two steps of A merged into one, from 1 to 2, no order of writing would be left. So the second step waits until
 * the first is written. A value that is pending already is no step.
 */
export function isSecondStep(change: Change, pending: StagedRecord, steps: StepValues): boolean {
  if (!isStep(pending, steps)) return false;
  if (change.kind === 'insert' || change.kind === 'delete' || pending.kind === 'delete') return true;
  return namesIn(change).some(
    (name) => isMeant(name, steps) && (name in change.deltas || change.values[name] !== pending.values[name]),
  );
}

function isStep(record: StagedRecord, steps: StepValues): boolean {
  if ((record.kind !== 'update' && record.kind !== 'increment') || makesMissing(record)) return true;
  return namesIn(record).some((name) => isMeant(name, steps));
}

function namesIn({ values, deltas }: Pick<StagedRecord, 'values' | 'deltas'>): string[] {
  return [...Object.keys(values), ...Object.keys(deltas)];
}

function isMeant(name: string, steps: StepValues): boolean {
  return steps === 'all' || steps.includes(name);
}
