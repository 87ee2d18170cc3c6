import type { EntityManager } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { stagedVersionsOf } from '../write/staged-versions.js';
import { rowVersion, type DriverRow } from './row-overlay.js';

const laid = new WeakSet<DriverRow>();

/** The row has something pending in it. */
export function asLaid<Row extends DriverRow | undefined>(row: Row): Row {
  if (row !== undefined) laid.add(row);
  return row;
}

export function isLaid(row: DriverRow): boolean {
  return laid.has(row);
}

/** Tells the entity manager that is about to take these rows which of their versions are staged ones. */
export function noteLaidRows(type: WriteBehindType, rows: Iterable<readonly [RowKey, DriverRow]>, em: unknown): void {
  if (!type.version || em === undefined) return;
  const versions = stagedVersionsOf(em as EntityManager);
  for (const [key, row] of rows) {
    if (isLaid(row)) versions.note(key, rowVersion(type, row));
    else versions.forget(key);
  }
}
