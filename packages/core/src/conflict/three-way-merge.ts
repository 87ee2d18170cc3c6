import type { Values } from '../change/change.js';
import type { RowConflict } from './strategy.js';

/** What a merge by property makes of a conflict: properties that only we changed, and those that both sides changed to different values. */
export interface Merge {
  readonly write: Values;
  readonly contested: readonly string[];
}

/**
 * Three-way merge by property. What both sides agree on needs no write; what only we changed is written; what the database has changed as well is contested.
 * A property whose value at loading is not known may have been changed by anybody, so it is contested too.
 *
 * @param agreed properties whose value in the database is what we want already. Values are compared by PostgreSQL with the column's own type, never here as texts:
 * `1.5` and `1.50` are one number.
 * @param unmeant properties that no side has changed on purpose: they are neither written for themselves nor contested
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
