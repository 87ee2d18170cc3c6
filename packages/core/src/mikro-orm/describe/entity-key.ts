import { helper, Utils, type AnyEntity, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import { parseRowKey, rowKeyOf, type RowKey } from '../../change/row-key.js';
import { SpillwayError } from '../../errors.js';
import type { KeyColumn, WriteBehindType } from './write-behind-type.js';

/**
 * True if a schema that was asked for (`em.fork({ schema })`) is the one whose rows are written behind. Rows of other
 * schemas are left to SQL.
 */
export function isInSchema({ meta, names, table }: WriteBehindType, schema: string | undefined): boolean {
  return names.getSchemaName(meta, { schema }) === table.schema;
}

/**
 * The row that a primary key names, in any of the forms that MikroORM has for one: a value, an array (flat, or nested
 * where a reference is part of the key), an object by property, an entity. `undefined` for a key that is not complete.
 */
export function knownRowKey(type: WriteBehindType, key: unknown): RowKey | undefined {
  return namedBy(type, keyValues(type.meta, key));
}

/**
 * The row that a condition is about. `undefined` also if PostgreSQL has to decide: `''` is no number to PostgreSQL, `7`
 * is no text, and no row has `1.005` in a column of hundredths.
 */
export function soughtRowKey(type: WriteBehindType, key: unknown): RowKey | undefined {
  const values = keyValues(type.meta, key);
  if (values.length !== type.key.columns.length || !values.every(isKeyScalar)) return undefined;
  const names = type.key.columns.map(({ name }, position) => name(values[position]));
  const texts = names.flatMap((name) => (name?.isExact ? [name.text] : []));
  return texts.length === names.length ? rowKeyFor(type, texts) : undefined;
}

/** The same for a key as an entity has it, before its custom types have converted it. */
export function entityRowKey(type: WriteBehindType, key: unknown): RowKey | undefined {
  const values = keyValues(type.meta, key);
  if (Utils.isEntity(key, true) || values.length !== type.key.columns.length) return namedBy(type, values);
  return namedBy(
    type,
    values.map((value, position) => (value == null ? value : type.key.columns[position]?.toDatabase(value))),
  );
}

/** False if the columns would round a key, so that no row has it: `1.505` in a column of hundredths. */
export function isExactKey({ meta, key: { columns } }: WriteBehindType, key: unknown): boolean {
  if (!columns.some(({ column }) => ROUNDING.test(column.type))) return true;
  const values = keyValues(meta, key);
  return columns.every(({ name }, position) => name(values[position])?.isExact !== false);
}

const ROUNDING = /^(?:numeric|timestamp)/u;

/**
 * The row that a caller means by a key in the form of the entity. A key that its column would round is refused: the
 * rounded key is that of another row.
 *
 * @throws SpillwayError `CONFIG_INVALID` for a value that no row of the column can have
 */
export function calledRowKey(type: WriteBehindType, key: unknown): RowKey | undefined {
  const rowKey = entityRowKey(type, key);
  const values = keyValues(type.meta, key);
  for (const [position, column] of type.key.columns.entries()) {
    const value = values[position];
    if (rowKey === undefined || column.name(column.toDatabase(value))?.isExact !== false) continue;
    throw noKey(type, column, value);
  }
  return rowKey;
}

function namedBy(type: WriteBehindType, values: readonly unknown[]): RowKey | undefined {
  const { columns } = type.key;
  if (values.length !== columns.length || !values.every(isKeyScalar)) return undefined;
  const texts = columns.map((column, position) => keyTextOf(type, column, values[position]));
  return rowKeyFor(type, texts);
}

function rowKeyFor({ table }: WriteBehindType, key: readonly string[]): RowKey {
  return rowKeyOf({ schema: table.schema, table: table.name, key });
}

/** @throws SpillwayError `CONFIG_INVALID` for a value that the column cannot have. */
function keyTextOf(type: WriteBehindType, column: KeyColumn, value: unknown): string {
  const known = column.name(value);
  if (known) return known.text;
  throw noKey(type, column, value);
}

function noKey({ meta }: WriteBehindType, { property, column }: KeyColumn, value: unknown): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `${meta.className}: ${shown(value)} is no primary key, since ${property.name} is of type ${column.type}. Use a value that the column can have`,
  );
}

const SHOWN = 40;

function shown(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text);
}

/** @throws SpillwayError `CONFIG_INVALID` for an incomplete key: nothing can be staged for a row without a name. */
export function rowKeyIn(type: WriteBehindType, key: unknown): RowKey {
  const known = knownRowKey(type, key);
  if (known !== undefined) return known;
  throw incompleteKey(type);
}

export function incompleteKey(type: WriteBehindType): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `${type.meta.className}: a primary key has to have a value for ${type.meta.primaryKeys.join(', ')}`,
  );
}

/** True for a value that one column of a key can have: neither null nor a number that the database has yet to give. */
export function isKeyScalar(value: unknown): boolean {
  if (value instanceof Date || value instanceof Uint8Array) return true;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
}

/** The values of a key, one per column. */
function keyValues(meta: EntityMetadata, key: unknown): unknown[] {
  if (Utils.isEntity<AnyEntity>(key, true)) return keyValues(meta, helper(key).getPrimaryKey(true));
  const properties = meta.getPrimaryProps();
  const [only, ...others] = properties;
  // MikroORM names a key that is one reference by the parts of the row that it refers to.
  if (Utils.isPlainObject(key) && others.length === 0 && only?.targetMeta && !(only.name in key))
    return keyValues(only.targetMeta, key);
  if (Utils.isPlainObject(key))
    return properties.flatMap((property) => partValues(property, Reflect.get(key, property.name)));
  if (!Array.isArray(key)) return [key];
  return key.length === properties.length && properties.length > 1
    ? properties.flatMap((property, position) => partValues(property, key[position]))
    : key.flat(Infinity);
}

function partValues({ targetMeta }: EntityProperty, value: unknown): unknown[] {
  if (targetMeta) return keyValues(targetMeta, value);
  return Array.isArray(value) ? value.flat(Infinity) : [value];
}

/** The key of a row as the driver answers it: by property, nested where a property has several columns. */
export function keyRow(type: WriteBehindType, key: RowKey): Record<string, unknown> {
  const values = columnValues(type, key);
  return Object.fromEntries(
    type.meta.getPrimaryProps().map((property) => {
      const own = type.key.columns.flatMap((column, position) =>
        column.property === property ? [values[position]] : [],
      );
      return [property.name, own.length === 1 ? own[0] : Utils.mapFlatCompositePrimaryKey(own, property)];
    }),
  );
}

/** The same as `returning` would answer it: by column. */
export function keyReturned(type: WriteBehindType, key: RowKey): Record<string, unknown> {
  const values = columnValues(type, key);
  return Object.fromEntries(type.key.columns.map(({ column }, position) => [column.name, values[position]]));
}

function columnValues(type: WriteBehindType, key: RowKey): unknown[] {
  const texts = parseRowKey(key).key;
  return type.key.columns.map(({ toRow }, position) => toRow(texts[position] ?? ''));
}

/** True if a change names part of the primary key. */
export function namesKey(type: WriteBehindType, payload: object): boolean {
  return type.meta.primaryKeys.some((name) => name in payload);
}

/** The condition with which MikroORM asks its driver for rows by key. */
export function keyCondition(type: WriteBehindType, keys: readonly RowKey[]): Record<string, unknown> {
  const rows = keys.map((key) => keyRow(type, key));
  const [row = {}] = rows;
  if (rows.length === 1) return row;
  const { primaryKeys } = type.meta;
  const tuples = rows.map((each) => primaryKeys.map((name) => each[name]));
  return {
    [Utils.getPrimaryKeyHash([...primaryKeys])]: { $in: primaryKeys.length === 1 ? tuples.flat() : tuples },
  };
}
