import type { AnyEntity, ChangeSet } from '@mikro-orm/core';
import type { Change } from '../../change/change.js';
import { counterDelta } from '../values/counter-delta.js';
import { rowKeyIn } from '../describe/entity-key.js';
import { valueTexts } from '../values/value-texts.js';
import { nextVersion, versionText } from '../values/version-text.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

type Payload = Readonly<Record<string, unknown>>;

/** A new row: every value that was set, and what the database would have put in for the others. */
export function buildInsert(type: WriteBehindType, key: unknown, payload: Payload, nowMs: number): Change {
  return {
    kind: 'insert',
    entity: type.meta.className,
    rowKey: rowKeyIn(type, key),
    ...(type.version && { version: type.version.initial ?? nextVersion(undefined, type.version.kind, nowMs) }),
    values: { ...Object.fromEntries(type.nulls.map((name) => [name, 'null'])), ...valueTexts(type, payload) },
    deltas: {},
    originals: {},
  };
}

/**
 * Changed values of a row. Counters whose loaded value is known become differences; if nothing else changed, the change is an increment, which neither checks nor
 * raises the version.
 */
export function buildUpdate(
  type: WriteBehindType,
  changeSet: ChangeSet<AnyEntity>,
  payload: Payload,
  nowMs: number,
): Change {
  const loaded: Payload = (changeSet.originalEntity as Payload | undefined) ?? {};
  const deltas: Record<string, string> = {};
  const assigned = withNulls(payload);
  for (const [counter, scale] of type.counters) {
    const delta = counter in assigned ? counterDelta(loaded[counter], assigned[counter], scale) : undefined;
    if (delta === undefined) continue;
    deltas[counter] = delta;
    delete assigned[counter];
  }
  const values = valueTexts(type, assigned);
  const common = { entity: type.meta.className, rowKey: rowKeyIn(type, changeSet.getPrimaryKey()), values, deltas };
  const counts = Object.keys(deltas).length > 0;
  if (counts && Object.keys(values).length === 0) return { ...common, kind: 'increment', originals: {} };
  return {
    ...common,
    kind: 'update',
    ...versions(type, changeSet.entity, nowMs),
    originals: type.keepsOriginals ? valueTexts(type, loadedOf(assigned, loaded)) : {},
  };
}

/** What is set to `undefined` in a row that is there, MikroORM writes as null. */
function withNulls(payload: Payload): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, value ?? null]));
}

export function buildDelete(type: WriteBehindType, changeSet: ChangeSet<AnyEntity>): Change {
  const base =
    type.version && versionText(Reflect.get(changeSet.entity, type.version.property.name), type.version.kind);
  return {
    kind: 'delete',
    entity: type.meta.className,
    rowKey: rowKeyIn(type, changeSet.getPrimaryKey()),
    ...(base !== undefined && { base }),
    values: {},
    deltas: {},
    originals: {},
  };
}

function versions(type: WriteBehindType, entity: AnyEntity, nowMs: number): Pick<Change, 'base' | 'version'> {
  if (!type.version) return {};
  const base = versionText(Reflect.get(entity, type.version.property.name), type.version.kind);
  return { ...(base !== undefined && { base }), version: nextVersion(base, type.version.kind, nowMs) };
}

/** The loaded values of what is assigned. */
function loadedOf(assigned: Payload, loaded: Payload): Payload {
  const names = Object.keys(assigned).filter((name) => assigned[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, loaded[name] ?? null]));
}
