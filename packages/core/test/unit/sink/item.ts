import type { StagedRecord } from '../../../src/change/record.js';
import type { RowKey } from '../../../src/change/row-key.js';
import type { Item } from '../../../src/sink/postgres/plan/item.js';
import type { Table } from '../../../src/sink/table.js';

export const product: Table = {
  entity: 'Product',
  schema: 'shop',
  name: 'product',
  key: [{ property: 'id', name: 'id', type: 'serial', read: 'direct' }],
  columns: {
    name: { property: 'name', name: 'full_name', type: 'text', read: 'direct' },
    doc: { property: 'doc', name: 'doc', type: 'jsonb', read: 'cast' },
    stock: { property: 'stock', name: 'stock', type: 'numeric(10,2)', read: 'direct' },
  },
  version: { column: { property: 'version', name: 'version', type: 'integer', read: 'direct' }, kind: 'integer' },
  counters: { stock: 2 },
  references: [],
  order: 0,
  detect: 'version',
  conflict: { kind: 'dead-letter' },
  retry: { attempts: 5, minDelayMs: 100, maxDelayMs: 1_000 },
};

/** An update of one product, unless told otherwise. */
export function item(id: string, more: Partial<StagedRecord>): Item {
  const record: StagedRecord = {
    kind: 'update',
    entity: 'Product',
    values: {},
    deltas: {},
    originals: {},
    first: 1,
    last: 1,
    firstAtMs: 0,
    merged: 1,
    attempts: 0,
    doubtful: false,
    ...more,
  };
  return { token: 't', rowKey: id as RowKey, key: [id], record, ageMs: 1_000_000_000, table: product };
}
