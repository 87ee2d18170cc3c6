import type { EntityManager, EntityMetadata } from '@mikro-orm/core';
import type { RowKey } from '../../change/row-key.js';
import { knownRowKey } from '../describe/entity-key.js';
import type { TypeRegistry } from '../describe/type-registry.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';
import { knownVersionsOf, readVersionsOf } from '../change/staging-unit.js';
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
  for (const [key, row] of rows) {
    if (isLaid(row)) knownVersionsOf(em as EntityManager)?.forget(key);
    else readVersionsOf(em as EntityManager).note(key, rowVersion(type, row));
  }
}

/**
 * The same for rows within rows: relations that MikroORM has joined. Nothing is ever laid over them, because pending
 * changes of their types have been written before.
 */
export function noteJoinedRows(
  meta: EntityMetadata,
  rows: readonly DriverRow[],
  types: TypeRegistry,
  em: unknown,
): void {
  if (em === undefined || rows.length === 0) return;
  for (const { name, targetMeta } of meta.relations) {
    if (targetMeta === undefined) continue;
    const joined = rows.flatMap((row) => row[name]).filter(isRow);
    if (joined.length === 0) continue;
    const type = types.of(targetMeta);
    if (type) noteRows(type, keyed(type, joined), em);
    noteJoinedRows(targetMeta, joined, types, em);
  }
}

/** The rows by the keys that they hold. */
export function keyed(type: WriteBehindType, rows: readonly DriverRow[]): (readonly [RowKey, DriverRow])[] {
  return rows.flatMap((row) => {
    const key = knownRowKey(type, row);
    return key === undefined ? [] : [[key, row] as const];
  });
}

/** A relation that is not joined is a key: a scalar, or an array of scalars. */
function isRow(value: unknown): value is DriverRow {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}
