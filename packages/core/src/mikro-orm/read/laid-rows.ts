import type { EntityManager } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { readVersionsOf } from './read-versions.js';
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

/** Tells the entity manager that is about to take these rows which of their versions were read in the database. */
export function noteRows(type: WriteBehindType, rows: Iterable<readonly [RowKey, DriverRow]>, em: unknown): void {
  if (!type.version || em === undefined) return;
  const versions = readVersionsOf(em as EntityManager);
  for (const [key, row] of rows) {
    if (isLaid(row)) versions.forget(key);
    else versions.note(key, rowVersion(type, row));
  }
}
