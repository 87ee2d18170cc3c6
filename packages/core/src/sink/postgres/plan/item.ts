import type { RowKey } from '../../../change/row-key.js';
import { madeValues, type StagedRecord } from '../../../change/record.js';
import type { Table } from '../../table.js';

/** One record of a batch, with its row's table. Statements are made of items. */
export interface Item {
  /** The batch it belongs to. */
  readonly token: string;
  readonly rowKey: RowKey;
  /** Texts of the primary key, in the order of `table.key`. */
  readonly key: readonly string[];
  readonly record: StagedRecord;
  /** Milliseconds since the first change of the record was staged. */
  readonly ageMs: number;
  readonly table: Table;
}

/** The same row with another record: the ordinary statements then carry out a verdict or a second step. */
export function withRecord(
  item: Item,
  changes: Partial<StagedRecord>,
  without: readonly ('base' | 'version')[] = [],
): Item {
  const record = { ...item.record, ...changes };
  for (const name of without) delete record[name];
  return { ...item, record };
}

/** The insert that makes a missing row. */
export function asInsert(item: Item): Item {
  const { missing: _, ...record } = item.record;
  return { ...item, record: { ...record, kind: 'insert', values: madeValues(item.record), originals: {} } };
}

/** Counters that have a difference but no value: on an insert, the difference goes onto the column's default. */
export function bareDeltas({ record }: Item): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(record.deltas).filter(([property]) => !Object.hasOwn(record.values, property)),
  );
}

export function hasDeltas({ record }: Item): boolean {
  return Object.keys(record.deltas).length > 0;
}
