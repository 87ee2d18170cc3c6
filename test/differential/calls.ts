/** Calls past the unit of work. */
import { plainConditionOf } from './conditions.js';
import type { Rows } from './rows.js';
import type { Act, KindName, Signal } from './steps.js';
import { flat } from './values.js';

const INSERTED = ['Person', 'Course', 'Page', 'Note', 'Cat', 'Enrolment'] as const;
const UPDATED = ['Person', 'Course', 'Page', 'Note', 'Enrolment', 'Club'] as const;
const DELETED = ['Page', 'Note', 'Enrolment', 'Cat', 'Passport'] as const;

export function insertOf(rows: Rows): Act | undefined {
  const kind = rows.one(INSERTED);
  const given = Array.from({ length: 1 + rows.below(2) }, () => {
    const target = rows.newTarget(kind);
    return target && { target, values: flat(rows, kind) };
  }).filter((row) => row !== undefined);
  return given.length > 0 ? { do: 'insert', rows: given, ...signalOrNone(rows) } : undefined;
}

export function upsertOf(rows: Rows): Act | undefined {
  const kind = rows.one(['Page', 'Enrolment'] as const);
  const target = rows.chance(0.6) ? rows.some(kind) : rows.newTarget(kind);
  if (!target) return undefined;
  return { do: 'upsert', rows: [{ target, values: flat(rows, kind) }], ...signalOrNone(rows) };
}

export function nativeUpdateOf(rows: Rows): Act | undefined {
  const kind = rows.one(UPDATED);
  const values = Object.fromEntries(Object.entries(flat(rows, kind)).slice(0, 1 + rows.below(2)));
  if (Object.keys(values).length === 0) return undefined;
  const options = { ...unfilteredOrNot(rows), ...signalOrNone(rows) };
  const target = rows.some(kind);
  if (!target || rows.chance(0.4))
    return { do: 'nativeUpdate', kind, where: plainConditionOf(rows, kind), values, ...options };
  const other = kind === 'Enrolment' ? undefined : rows.some(kind);
  return { do: 'nativeUpdate', kind, where: other ? [target, other] : [target], values, ...options };
}

export function nativeDeleteOf(rows: Rows): Act {
  const kind: KindName = rows.one(DELETED);
  const options = { ...unfilteredOrNot(rows), ...signalOrNone(rows) };
  const target = rows.some(kind);
  if (!target || rows.chance(0.3)) return { do: 'nativeDelete', kind, where: plainConditionOf(rows, kind), ...options };
  return { do: 'nativeDelete', kind, where: [target], ...options };
}

/** Most calls of an application have no signal. */
export function signalOrNone(rows: Rows): { readonly signal?: Signal } {
  return rows.chance(0.08) ? { signal: rows.one(['aborted', 'never'] as const) } : {};
}

/** The filters that are on by default, or none at all. */
function unfilteredOrNot(rows: Rows): { readonly filters?: false } {
  return rows.chance(0.5) ? { filters: false } : {};
}
