import { Collection, Utils, wrap, type EntityMetadata } from '@mikro-orm/postgresql';
import { NUMBERED } from './keys.js';
import type { KindName } from './steps.js';

/**
 * What was read, as plain data. A number from a sequence stands as `{ $number: [table, number] }`, a list without an
 * order as `{ $bag: […] }`.
 */
export type Seen = null | undefined | boolean | number | string | readonly Seen[] | { readonly [name: string]: Seen };

/** How far from what was asked for relations are looked into. */
const DEPTH = 2;

export function observe(value: unknown, depth = DEPTH): Seen {
  if (value === null || value === undefined) return value;
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (Array.isArray(value)) return value.map((one) => observe(one, depth));
  if (isEntity(value)) return entitySeen(value, depth);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, observe(part, depth)]));
}

/** The key of an entity, as it is seen. */
export function keySeen(entity: object): Seen {
  const meta = metaOf(entity);
  const parts = meta.primaryKeys.map((name) => {
    const part: unknown = Reflect.get(entity, name);
    return isEntity(part) ? keySeen(part) : numberSeen(meta.className, part);
  });
  return parts.length === 1 ? parts[0] : parts;
}

export function metaOf(entity: object): EntityMetadata {
  return wrap(entity, true).__meta as EntityMetadata;
}

function entitySeen(entity: object, depth: number): Seen {
  const meta = metaOf(entity);
  const seen: Record<string, Seen> = { $entity: meta.className, key: keySeen(entity) };
  if (!wrap(entity).isInitialized()) return { ...seen, loaded: false };
  if (depth === 0) return seen;
  for (const prop of meta.props) {
    const value: unknown = Reflect.get(entity, prop.name);
    if (prop.primary || value === undefined) continue;
    if (prop.name === meta.versionProperty && value instanceof Date) seen[prop.name] = 'a moment';
    else if (value instanceof Collection) seen[prop.name] = collectionSeen(value, depth);
    else seen[prop.name] = observe(value, depth - (isEntity(value) ? 1 : 0));
  }
  return seen;
}

function collectionSeen(collection: Collection<object>, depth: number): Seen {
  if (!collection.isInitialized()) return 'not loaded';
  return { $bag: collection.getItems(false).map((item) => observe(item, depth - 1)) };
}

function numberSeen(className: string, key: unknown): Seen {
  const table = NUMBERED[className as KindName];
  return table !== undefined && key != null ? { $number: [table, `${key as number}`] } : observe(key);
}

function isEntity(value: unknown): value is object {
  return Utils.isEntity(value) && !metaOf(value).embeddable;
}
