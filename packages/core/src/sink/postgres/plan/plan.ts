import type { RecordKind, StagedRecord } from '../../../change/record.js';
import { parseRowKey, type RowAddress, type RowKey } from '../../../change/row-key.js';
import type { Batch } from '../../../staging/flush-side.js';
import type { Statement } from '../sql/record-set.js';
import type { Table } from '../../table.js';
import { withRecord, type Item } from './item.js';
import { whyNotReadable, whyNotWritable } from './readable.js';
import type { TableMap } from './table-map.js';

/** The records that one statement writes. */
export interface StatementGroup {
  readonly table: Table;
  readonly kind: RecordKind;
  readonly items: readonly Item[];
  /**
   * A statement that was made in advance, and the list of items that it writes. It is for no other list: rows that are
   * left out of the statement group are still in the statement.
   */
  readonly composed?: { readonly items: readonly Item[]; readonly statement: Statement };
}

export interface Plan {
  /** In the order of writing. */
  readonly groups: readonly StatementGroup[];
  readonly unreadable: readonly Unreadable[];
  readonly misfits: readonly Misfit[];
  readonly strangers: readonly Stranger[];
}

/** A record that cannot be decoded, whose row key cannot be parsed, or of which a value is not one JSON text. */
interface Unreadable {
  readonly token: string;
  readonly rowKey: RowKey;
  readonly reason: string;
}

/** A record whose table is known, but not in the form that the record has. */
interface Misfit {
  readonly item: Item;
  readonly reason: string;
}

/** A record of a table that this process does not know. */
interface Stranger {
  readonly token: string;
  readonly rowKey: RowKey;
  readonly address: RowAddress;
  readonly attempts: number;
}

/**
 * Puts the records of several batches into as few statements as possible.
 *
 * The order: first kinds that make rows (insert, upsert, replace), parents before children; then updates and
 * increments, which may point at the new rows; then deletes, children before parents, after updates have moved
 * references away. If a unique value passes from a deleted row to a new one, the new row meets the old one once and is
 * tried again.
 * Rows are sorted by key, so that two flushes lock them in the same order as far as PostgreSQL lets them.
 */
export function plan(batches: readonly Batch[], tables: TableMap): Plan {
  const groups = new StatementGroups();
  const unreadable: Unreadable[] = [];
  const misfits: Misfit[] = [];
  const strangers: Stranger[] = [];

  for (const { token, claimedAtMs, records, unreadable: undecoded } of batches) {
    for (const [rowKey, reason] of undecoded) unreadable.push({ token, rowKey, reason });
    for (const [rowKey, record] of records) {
      const address = addressOf(rowKey);
      const table = address === undefined ? undefined : tables.get(address);
      const flaw = address === undefined ? 'The row key cannot be read.' : whyNotReadable(record);
      if (address === undefined || flaw !== undefined) unreadable.push({ token, rowKey, reason: flaw ?? '' });
      else if (table === undefined) strangers.push({ token, rowKey, address, attempts: record.attempts });
      else {
        const item: Item = { token, rowKey, key: address.key, record, ageMs: claimedAtMs - record.firstAtMs, table };
        const reason = whyNotWritable(record, address.key, table);
        if (reason === undefined) groups.add(item);
        else misfits.push({ item, reason });
      }
    }
  }
  return { groups: groups.all().map(sortedByKey).toSorted(byOrder), unreadable, misfits, strangers };
}

function addressOf(rowKey: RowKey): RowAddress | undefined {
  try {
    return parseRowKey(rowKey);
  } catch {
    return undefined;
  }
}

/** Collects items by table and by the shape of their statement. */
class StatementGroups {
  readonly #groups = new Map<Table, Map<string, { table: Table; kind: RecordKind; items: Item[] }>>();

  add(item: Item): void {
    const { table, record } = item;
    let shapes = this.#groups.get(table);
    if (shapes === undefined) this.#groups.set(table, (shapes = new Map()));
    const shape = statementShape(record);
    const group = shapes.get(shape);
    // An increment has no base version, even if its record was given one since.
    const own = record.kind === 'increment' ? withRecord(item, {}, ['base', 'version']) : item;
    if (group === undefined) shapes.set(shape, { table, kind: record.kind, items: [own] });
    else group.items.push(own);
  }

  all(): StatementGroup[] {
    return [...this.#groups.values()].flatMap((shapes) => [...shapes.values()]);
  }
}

/**
 * A kind that makes whole rows needs a statement per set of properties, because an absent one takes the column's
 * default. The other kinds have a mask.
 */
export function statementShape({ kind, version, values }: StagedRecord): string {
  if (kind === 'update' || kind === 'increment' || kind === 'delete') return kind;
  return JSON.stringify([kind, version !== undefined, ...Object.keys(values).toSorted()]);
}

function sortedByKey(group: StatementGroup): StatementGroup {
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

function byOrder(a: StatementGroup, b: StatementGroup): number {
  const stage = STAGE[a.kind] - STAGE[b.kind];
  if (stage !== 0) return stage;
  return a.kind === 'delete' ? b.table.order - a.table.order : a.table.order - b.table.order;
}
