import type { Values } from './change.js';
import type { StagedRecord } from './record.js';

/**
 * How a record without a row is handled. Absent: the record becomes a dead letter.
 *
 * - `'drop'`: nothing is written. Only for an increment
 * - `create`: the row is created with these values, and with the record's own values over them
 */
export type Missing = 'drop' | { readonly create: Values };

type Part = Pick<StagedRecord, 'missing'>;

/** True if the record creates its row when it is missing. */
export function makesMissing({ missing }: Part): boolean {
  return missing !== undefined && missing !== 'drop';
}

/** All values of a created row: the record's own values replace those that are for a new row alone. */
export function madeValues({ missing, values }: Pick<StagedRecord, 'missing' | 'values'>): Values {
  return missing === undefined || missing === 'drop' ? values : { ...missing.create, ...values };
}

/**
 * The `missing` of two merged records, the newer laid over the older. The first `create` makes the row, and a later one
 * only finds it. An upsert needs none, and `'drop'` remains only if both records say it.
 */
export function mergedMissing(older: StagedRecord, newer: StagedRecord): Missing | undefined {
  if (older.kind === 'upsert' || makesMissing(older)) return older.missing;
  if (makesMissing(newer)) return newer.missing;
  return older.missing === 'drop' && newer.missing === 'drop' ? 'drop' : undefined;
}
