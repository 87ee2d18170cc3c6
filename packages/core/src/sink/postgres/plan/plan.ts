import type { RecordKind } from '../../../change/record.js';
import { parseRowKey, type RowAddress, type RowKey } from '../../../change/row-key.js';
import type { Batch } from '../../../staging/staging-store.js';
import type { Table } from '../../table.js';
import type { Item } from './item.js';
import { whyNotWritable } from './readable.js';
import type { TableMap } from './table-map.js';

/** Rows that one statement can write. */
export interface Group {
  readonly table: Table;
  readonly kind: RecordKind;
  readonly items: readonly Item[];
}

export interface Plan {
  /** In the order in which they have to be written. */
  readonly groups: readonly Group[];
  readonly unreadable: readonly { readonly token: string; readonly rowKey: RowKey; readonly reason: string }[];
  /** Records that have the table, but not its present form. */
  readonly misfits: readonly { readonly item: Item; readonly reason: string }[];
  /** Records of tables that this process does not know. */
  readonly strangers: readonly {
    readonly token: string;
    readonly rowKey: RowKey;
    readonly address: RowAddress;
    readonly attempts: number;
  }[];
}

/**
 * Puts the records of several batches into as few statements as possible.
 *
 * The order: first what makes rows (insert, upsert, replace), parents before children; then updates and increments, which may point at rows just made; then deletes, children before
 * parents, when updates have moved away whatever pointed at them. A unique value that passes from a deleted row to a new one meets the old row once and is tried again.
 * Rows are sorted by key, so that two flushes lock them in the same order as far as PostgreSQL lets them.
 */
export function plan(batches: readonly Batch[], tables: TableMap): Plan {
  const groups = new Map<string, { table: Table; kind: RecordKind; items: Item[] }>();
  const unreadable: { token: string; rowKey: RowKey; reason: string }[] = [];
  const misfits: { item: Item; reason: string }[] = [];
  const strangers: { token: string; rowKey: RowKey; address: RowAddress; attempts: number }[] = [];

  for (const { token, records, unreadable: undecoded } of batches) {
    for (const [rowKey, reason] of undecoded) unreadable.push({ token, rowKey, reason });
    for (const [rowKey, record] of records) {
      const address = addressOf(rowKey);
      if (address === undefined) {
        unreadable.push({ token, rowKey, reason: 'The row key cannot be read.' });
        continue;
      }
      const table = tables.get(address);
      if (table === undefined) {
        strangers.push({ token, rowKey, address, attempts: record.attempts });
        continue;
      }
      const item: Item = { token, rowKey, key: address.key, record, table };
      const reason = whyNotWritable(record, address.key, table);
      if (reason !== undefined) misfits.push({ item, reason });
      else add(groups, item);
    }
  }
  return { groups: [...groups.values()].map(sortedByKey).toSorted(byOrder), unreadable, misfits, strangers };
}

function addressOf(rowKey: RowKey): RowAddress | undefined {
  try {
    return parseRowKey(rowKey);
  } catch {
    return undefined;
  }
}

function add(groups: Map<string, { table: Table; kind: RecordKind; items: Item[] }>, item: Item): void {
  const { table, record } = item;
  const name = JSON.stringify([table.schema, table.name, record.kind, ...statementShape(item)]);
  const group = groups.get(name);
  if (group === undefined) groups.set(name, { table, kind: record.kind, items: [item] });
  else group.items.push(item);
}

/** Whatever makes a whole row needs a statement per set of properties, because an absent one takes the column's default; updates and the rest have a mask. */
function statementShape({ record }: Item): readonly string[] {
  if (record.kind === 'update' || record.kind === 'increment' || record.kind === 'delete') return [];
  return [record.version === undefined ? '' : 'version', ...Object.keys(record.values).toSorted()];
}

function sortedByKey(group: Group): Group {
  return { ...group, items: group.items.toSorted((a, b) => (a.rowKey < b.rowKey ? -1 : a.rowKey > b.rowKey ? 1 : 0)) };
}

const STAGE: Readonly<Record<RecordKind, number>> = {
  insert: 0,
  upsert: 0,
  replace: 0,
  update: 1,
  increment: 1,
  delete: 2,
};

function byOrder(a: Group, b: Group): number {
  const stage = STAGE[a.kind] - STAGE[b.kind];
  if (stage !== 0) return stage;
  return a.kind === 'delete' ? b.table.order - a.table.order : a.table.order - b.table.order;
}
