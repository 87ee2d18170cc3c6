import type { Values } from './change.js';
import type { StagedRecord } from './record.js';

/**
 * What is done where the row is not there. Absent: the record becomes a dead letter.
 *
 * - `'drop'`: nothing. Only of an increment
 * - `create`: the row is made of these values, with the record's own on top
 */
export type Missing = 'drop' | { readonly create: Values };

type Part = Pick<StagedRecord, 'missing'>;

/** Whether the row is made where it is not there. */
export function makesMissing({ missing }: Part): boolean {
  return missing !== undefined && missing !== 'drop';
}

/** All values of the row that is made: the record's own go over those that are for a new row alone. */
export function madeValues({ missing, values }: Pick<StagedRecord, 'missing' | 'values'>): Values {
  return missing === undefined || missing === 'drop' ? values : { ...missing.create, ...values };
}

/**
 * What holds for both records together, where the newer one is laid over the older. The first `create` makes the row,
 * and a later one only finds it. An upsert needs none, and `'drop'` holds where both say it.
 */
export function mergedMissing(older: StagedRecord, newer: StagedRecord): Missing | undefined {
  if (older.kind === 'upsert' || makesMissing(older)) return older.missing;
  if (makesMissing(newer)) return newer.missing;
  return older.missing === 'drop' && newer.missing === 'drop' ? 'drop' : undefined;
}
