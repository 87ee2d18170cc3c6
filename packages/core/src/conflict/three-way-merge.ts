import type { Values } from '../change/change.js';
import type { RowConflict } from './strategy.js';

/** The merge of a conflict by property: the properties that only we changed, and the contested ones. */
export interface Merge {
  readonly write: Values;
  readonly contested: readonly string[];
}

/**
 * Three-way merge by property. Properties with equal values on both sides need no write. Properties that only we
 * changed are written. Properties that the database has changed as well are contested. A property without a known
 * original may have been changed by any writer, so it is contested too.
 *
 * @param agreed properties whose value in the database is the wanted one already. PostgreSQL compares the values with
 * the column's own type, not as texts: `1.5` and `1.50` are one number.
 * @param unmeant properties that neither side has changed on purpose: they are neither written on their own nor
 * contested
 */
export function mergeByProperty(
  conflict: RowConflict,
  agreed: ReadonlySet<string>,
  unmeant: ReadonlySet<string> = new Set(),
): Merge {
  const write: Record<string, string> = {};
  const contested: string[] = [];
  const changed = new Set(conflict.changed);
  for (const [property, value] of Object.entries(conflict.ours)) {
    if (agreed.has(property) || unmeant.has(property)) continue;
    if (Object.hasOwn(conflict.base, property) && !changed.has(property)) write[property] = value;
    else contested.push(property);
  }
  return { write, contested };
}
