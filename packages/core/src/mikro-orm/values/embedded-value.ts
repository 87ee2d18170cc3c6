import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { ColumnValue } from './column-value.js';

/** Names a document's fields as MikroORM's rows name them, with dates as `Date`: the driver's `mapResult`. */
export type DocumentMapper = (document: object, embeddable: EntityMetadata) => unknown;

/**
 * An embeddable that is kept in one json column, or an array of them. MikroORM's snapshot holds it as a plain object by
 * property, with dates as `Date`; the column holds it by field name.
 */
export function embeddedValue(property: EntityProperty, json: ColumnValue, map: DocumentMapper): ColumnValue {
  return {
    ...json,
    takes: (value) => value === null || value === undefined || typeof value === 'object',
    toText: (value) => json.toText(value === null || value === undefined ? null : documentOf(property, value)),
    toRow: (text) => rowOf(property, json.toRow(text), map),
  };
}

/**
 * True if the property is an embeddable in a json column of its own; an inline one is the columns of its properties.
 */
export function isDocument(property: EntityProperty): boolean {
  return property.kind === ReferenceKind.EMBEDDED && property.object === true;
}

/** True if the property lies in such a column, where MikroORM also gives it a flattened name of its own. */
export function isPartOfDocument(property: EntityProperty): boolean {
  return property.embedded !== undefined && property.object === true && property.persist === false;
}

/**
 * The value of a property that may lie in an inline embeddable; `undefined` if there is none. Elements of arrays are
 * not looked at.
 */
export function valueIn(entity: object, property: EntityProperty, meta: EntityMetadata): unknown {
  if (!property.embedded) return Reflect.get(entity, property.name);
  const [holder, name] = property.embedded;
  const parent = meta.properties[holder as never] as EntityProperty | undefined;
  const value = parent && valueIn(entity, parent, meta);
  return value !== null && typeof value === 'object' ? Reflect.get(value, name) : undefined;
}

function documentOf(property: EntityProperty, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => documentOf(property, item));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => {
      const inner = (property.embeddedProps as Readonly<Record<string, EntityProperty>>)[name];
      if (!inner) return [name, part];
      return [inner.fieldNames[0] ?? name, inner.kind === ReferenceKind.EMBEDDED ? documentOf(inner, part) : part];
    }),
  );
}

function rowOf(property: EntityProperty, document: unknown, map: DocumentMapper): unknown {
  if (Array.isArray(document)) return document.map((item) => rowOf(property, item, map));
  const embeddable = property.targetMeta;
  return document === null || typeof document !== 'object' || !embeddable ? document : map(document, embeddable);
}
