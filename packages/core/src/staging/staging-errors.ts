import type { RowKey } from '../change/row-key.js';
import { SpillwayError } from '../errors.js';

export function counterOverflow(rowKey: RowKey): SpillwayError {
  return new SpillwayError(
    'COUNTER_OVERFLOW',
    `The differences of row ${rowKey} add up to more than a 64-bit number holds, so the dead letter stays where it is. Wait until the row's pending changes are written, then retry`,
  );
}
