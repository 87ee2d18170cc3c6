import {
  isRaw,
  Reference,
  ReferenceKind,
  Utils,
  helper,
  type AnyEntity,
  type Platform,
  type EntityProperty,
  type Type,
} from '@mikro-orm/core';
import { untakenProperty } from '../change/build-change.js';
import type { WriteBehindType } from '../describe/write-behind-type.js';

/** Property -> value in snapshot form, as the unit of work would hand over the same values. */
export type Payload = Readonly<Record<string, unknown>>;

/** The rows of a call come from entities (`snapshot`), or as the application has written them down (`data`). */
export type Form = 'snapshot' | 'data';

/**
 * The values of one row of `em.insert()`, `em.upsert()` or `em.nativeUpdate()`. `undefined` if SQL should write them: a
 * `raw()` value, a property that is no column of this table, a version, or a value of another type than the property's,
 * for which the database then reports at once what is wrong.
 */
export function directPayload(
  type: WriteBehindType,
  data: object,
  form: Form,
  platform: Platform,
): Payload | undefined {
  const payload: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(data)) {
    if (given === undefined) continue;
    const property = propertyOf(type, name);
    if (!property || isRaw(given) || property.hasConvertToDatabaseValueSQL) return undefined;
    const value = form === 'snapshot' || given === null ? given : inSnapshot(property, given, platform);
    if (value === undefined) return undefined;
    payload[name] = value;
  }
  return untakenProperty(type, payload) === undefined ? payload : undefined;
}

/**
 * True if a new row can be made of the values: each value without a default is set, and null is set only where it is
 * allowed.
 */
export function makesRow(type: WriteBehindType, payload: Payload): boolean {
  const { columns, sequence } = type.key;
  const isNamed = columns.every(({ property, absent }) => payload[property.name] != null || sequence || absent);
  if (!isNamed) return false;
  return [...type.values].every(([name, { property }]) => {
    if (payload[name] === undefined) return property.nullable === true || property.defaultRaw !== undefined;
    return payload[name] !== null || property.nullable === true;
  });
}

/** A reference that closes a cycle of tables is written by SQL, and so is a reference of several columns. */
function propertyOf(type: WriteBehindType, name: string): EntityProperty | undefined {
  if (type.closing.has(name)) return undefined;
  return type.key.columns.find(({ property }) => property.name === name)?.property ?? type.values.get(name)?.property;
}

function inSnapshot(property: EntityProperty, given: unknown, platform: Platform): unknown {
  const value = property.kind === ReferenceKind.SCALAR ? given : keyOf(given);
  if (value === undefined) return undefined;
  if (property.customType) return converted(property.customType, value, platform);
  return hasTypeOf(property, value) ? value : undefined;
}

/** A type may refuse a value with an error of its own. The call then goes by SQL, and MikroORM reports the error. */
function converted(type: Type<unknown>, value: unknown, platform: Platform): unknown {
  try {
    return type.convertToDatabaseValue(value, platform, { mode: 'serialization' });
  } catch {
    return undefined;
  }
}

/** A reference may be given as the entity or as its key. */
function keyOf(given: unknown): unknown {
  const entity: unknown = Reference.unwrapReference(given as AnyEntity);
  if (Utils.isEntity<AnyEntity>(entity, true)) return helper(entity).getPrimaryKey(true) ?? undefined;
  return typeof given === 'object' ? undefined : given;
}

function hasTypeOf(property: EntityProperty, value: unknown): boolean {
  switch (property.runtimeType) {
    case 'Date':
      return value instanceof Date;
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === property.runtimeType;
    default:
      return true;
  }
}

/**
 * True if a plain object describes a row completely. It does not if the class adds something (single-table
 * inheritance), a value has parts (embeddables), MikroORM compares loaded values (`concurrencyCheck`), or only the
 * database can make a value. For such types, calls past the unit of work go by SQL.
 */
export function hasPlainShape(type: WriteBehindType): boolean {
  return (
    !type.family &&
    type.databaseMade.length === 0 &&
    type.meta.concurrencyCheckKeys.size === 0 &&
    type.meta.props.every(({ kind, embedded }) => kind !== ReferenceKind.EMBEDDED && !embedded)
  );
}
