import type { RowKey } from '../change/row-key.js';
import type { Batch } from '../staging/flush-side.js';

/** All rows of a batch, including those with unreadable records. */
export function rowsOf({ records, unreadable }: Batch): readonly RowKey[] {
  return [...records.keys(), ...unreadable.keys()];
}
