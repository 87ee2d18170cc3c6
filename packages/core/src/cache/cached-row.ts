import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { Utils } from '@mikro-orm/core';
import type { WriteBehindType } from '../mikro-orm/describe/write-behind-type.js';
import type { DriverRow } from '../mikro-orm/read/row-overlay.js';

const SHAPE_BYTES = 8;

/**
 * A row as the driver has answered it, in bytes: with its dates, buffers, big integers, arrays and parsed JSON exactly
 * as they were. In front stands the shape of the entity, because releases that map other columns must not read each
 * other's rows.
 *
 * @returns `undefined` for a row with a value that would not come back as it is
 */
export function encodeRow(type: WriteBehindType, row: DriverRow): Buffer | undefined {
  return isPlain(row) ? Buffer.concat([shapeOf(type), serialize(row)]) : undefined;
}

/** `undefined`: another release has written it, or it is no row. */
export function decodeRow(type: WriteBehindType, bytes: Uint8Array): DriverRow | undefined {
  if (!shapeOf(type).equals(bytes.subarray(0, SHAPE_BYTES))) return undefined;
  try {
    const row: unknown = deserialize(bytes.subarray(SHAPE_BYTES));
    return Utils.isPlainObject(row) ? row : undefined;
  } catch {
    // A newer Node may write a form that an older one does not read.
    return undefined;
  }
}

const shapes = new WeakMap<WriteBehindType, Buffer>();

function shapeOf(type: WriteBehindType): Buffer {
  const known = shapes.get(type);
  if (known) return known;
  const columns = type.meta.props.map(({ name, fieldNames, columnTypes, customType, lazy, persist }) => [
    name,
    fieldNames,
    columnTypes,
    customType?.constructor.name,
    lazy,
    persist,
  ]);
  const shape = createHash('sha256').update(JSON.stringify(columns)).digest().subarray(0, SHAPE_BYTES);
  shapes.set(type, shape);
  return shape;
}

/** True if serializing leaves the value as it is: an instance of a class would come back without its class. */
function isPlain(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return typeof value !== 'symbol';
  if (value instanceof Date || Buffer.isBuffer(value)) return true;
  if (Array.isArray(value)) return value.every(isPlain);
  return Utils.isPlainObject(value) && Object.values(value).every(isPlain);
}
