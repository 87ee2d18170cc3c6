import type { Change } from './change.js';
import type { StagedRecord } from './record.js';

/**
 * Values of an entity that other rows may want, or may have to let go first: unique ones, and references to rows that
 * have unique ones. `all` where it cannot be told which.
 */
export type StepValues = readonly string[] | 'all';

/**
 * A step is a change of such values, or of whether there is a row. Rows can pass a unique value round by a value
 * between: A from 1 to 0, B from 2 to 1, A from 0 to 2. Were the two steps of A merged into one, from 1 to 2, no order
 * of writing would be left. So a step waits until the step before it is written.
 */
export function isStep(
  { kind, values, deltas }: Pick<Change | StagedRecord, 'values' | 'deltas'> & { readonly kind: StagedRecord['kind'] },
  steps: StepValues,
): boolean {
  if (kind !== 'update' && kind !== 'increment') return true;
  const names = [...Object.keys(values), ...Object.keys(deltas)];
  return steps === 'all' ? names.length > 0 : names.some((name) => steps.includes(name));
}
