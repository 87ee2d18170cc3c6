import type { Change } from './change.js';
import { makesMissing, type StagedRecord } from './record.js';

/**
 * Names of properties whose values other rows may want, or may have to give up first: unique ones, and references to
 * rows that have unique ones. `all` where they cannot be told apart.
 */
export type StepValues = readonly string[] | 'all';

/**
 * True if a change is a step on a step that is not written yet. A step changes such values, or whether the row exists.
 * Rows can pass a unique value round by a value between: A from 1 to 0, B from 2 to 1, A from 0 to 2. Merging the two
 * steps of A into one, from 1 to 2, would leave no order of writing. The second step therefore waits until the first is
 * written. Assigning a value that is pending already is no step.
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
