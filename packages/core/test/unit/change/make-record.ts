import type { Change } from '../../../src/change/change.js';
import type { StagedRecord } from '../../../src/change/record.js';
import { rowKeyOf } from '../../../src/change/row-key.js';

const rowKey = rowKeyOf({ schema: 'public', table: 'product', key: ['1'] });

export function makeChange(change: Partial<Change>): Change {
  return { kind: 'update', entity: 'Product', rowKey, values: {}, deltas: {}, originals: {}, ...change };
}

export function makeRecord(record: Partial<StagedRecord>): StagedRecord {
  return {
    kind: 'update',
    entity: 'Product',
    values: {},
    deltas: {},
    originals: {},
    first: 1,
    last: 1,
    firstAtMs: 1,
    merged: 1,
    attempts: 0,
    doubtful: false,
    ...record,
  };
}
