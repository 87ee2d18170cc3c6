import { ReferenceKind, type EntityMetadata, type EntityProperty, type Platform } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import type { ResolvedPolicy } from '../../policy/policy.js';
import type { Column, Table } from '../../sink/table.js';
import {
  columnValue,
  enumValue,
  type ColumnContent,
  type ColumnValue,
  type ColumnValueOptions,
} from '../values/column-value.js';
import { conflictStrategy } from './entity-values.js';
import { assertPolicyFits } from './policy-fits.js';
import { databaseMade, defaultValue, type DefaultValue } from './default-value.js';
import { uniqueProperties } from './unique-properties.js';
import { embeddedValue, isDocument, type DocumentMapper } from '../values/embedded-value.js';
import { singleTable } from './single-table.js';
import { describeKey } from './describe-key.js';
import { describeReferences, foreignKeys, type References } from './describe-references.js';
import { columnsOf, valueName } from './property-columns.js';
import { assertComparable, assertSupported, hasColumn, unsupported } from './unsupported.js';
import type { DriverOfTables, PropertyValue, WriteBehindType } from './write-behind-type.js';

export interface DecoratedEntity {
  readonly meta: EntityMetadata;
  readonly policy: ResolvedPolicy;
}

export interface DescribeOptions extends ColumnValueOptions {
  /** The schema of tables that name none. */
  readonly defaultSchema: string;
  readonly platform: Platform;
  readonly names: DriverOfTables;
  readonly mapDocument: DocumentMapper;
}

/**
 * Describes every write-behind entity, or throws for the first that cannot be written behind.
 * @throws SpillwayError `ENTITY_UNSUPPORTED`, or `CONFIG_INVALID` for a policy that does not fit its entity.
 */
export function describeTypes(entities: readonly DecoratedEntity[], options: DescribeOptions): WriteBehindType[] {
  for (const { meta } of entities) assertSupported(meta);
  const references = describeReferences(entities.map(({ meta }) => meta));
  return entities.map((entity) => describeType(entity, references, entities, options));
}

function describeType(
  { meta, policy }: DecoratedEntity,
  references: References,
  all: readonly DecoratedEntity[],
  options: DescribeOptions,
): WriteBehindType {
  const values = new Map<string, PropertyValue>();
  for (const property of meta.props) {
    if (
      property.primary ||
      property.version ||
      property.persist === false ||
      property.generated ||
      !hasColumn(property)
    )
      continue;
    for (const { name, type, leaf } of columnsOf(property))
      values.set(valueName(property, name), propertyValue(property, name, valueOf(meta, leaf, options, type)));
  }
  assertPolicyFits(meta, policy, options.platform.getConfig().get('sessionContext' as never));
  const version = versionOf(meta);
  const key = describeKey(meta, {
    platform: options.platform,
    of: ({ leaf, type }) => valueOf(meta, leaf, options, type),
    absent: absentValue,
  });
  const counters = countersOf(meta, policy, values);
  const family = singleTable(meta);
  const table: Table = {
    entity: meta.className,
    schema: meta.schema ?? options.defaultSchema,
    name: meta.tableName,
    written: options.names.getTableName(meta, {}),
    key: key.columns.map((part) => part.column),
    columns: Object.fromEntries(
      [...values].map(([name, { column, value }]) => [name, tableColumn(name, column, value)]),
    ),
    ...(version && {
      version: {
        column: tableColumn(
          version.property.name,
          version.property.fieldNames[0] ?? version.property.name,
          valueOf(meta, version.property, options),
        ),
        kind: version.kind,
      },
    }),
    // Includes properties that are no longer counters: differences may be pending from the time when they were.
    counters: Object.fromEntries(summable(values)),
    onUpdate: [...values].flatMap(([name, { property }]) => (property.onUpdate ? [name] : [])),
    references: foreignKeys(meta, (target) =>
      all.some(({ meta: known }) => known.class === target.class)
        ? { schema: target.schema ?? options.defaultSchema, table: target.tableName }
        : undefined,
    ),
    order: references.order.get(meta.className) ?? 0,
    detect: version || policy.detect !== 'version' ? policy.detect : 'none',
    conflict: conflictStrategy(policy.conflict, { meta, key, values, counters }, options.platform),
    retry: policy.retry,
    constraints: constraintNames(meta),
  };
  const asksOriginals =
    table.detect === 'changed-properties' || policy.conflict.kind === 'merge' || policy.conflict.kind === 'function';
  if (asksOriginals) assertComparable(meta);
  return {
    meta,
    policy,
    table,
    names: options.names,
    key,
    ...(version && { version }),
    values,
    unique: uniqueProperties(meta),
    databaseMade: databaseMade(meta, policy.inserts),
    counters,
    closing: new Set(meta.relations.filter((property) => references.closing.has(property)).map(({ name }) => name)),
    closesCycle: [...references.closing].some(({ targetMeta }) => targetMeta?.root.class === meta.class),
    nulls: nullsOf(meta, values),
    keepsOriginals: asksOriginals,
    ...(family && { family }),
    lookups: meta.props.some((property) => property.formula || property.generated || isInverseOneToOne(property))
      ? 'drain'
      : 'overlay',
    readAlso: readAlso(meta, values),
  };
}

function readAlso(meta: EntityMetadata, values: ReadonlyMap<string, PropertyValue>): WriteBehindType['readAlso'] {
  const written = new Map([...values].map(([name, { column }]) => [column, name]));
  return meta.props
    .filter((property) => property.persist === false && hasColumn(property) && property.fieldNames.length === 1)
    .flatMap(({ name, fieldNames: [column = ''] }) => {
      const of = written.get(column);
      return of === undefined ? [] : [{ name, of }];
    });
}

function propertyValue(property: EntityProperty, column: string, value: ColumnValue): PropertyValue {
  const absent = absentValue(property);
  return { property, column, value, ...(absent && { absent }) };
}

function absentValue(property: EntityProperty): DefaultValue | undefined {
  return property.defaultRaw === undefined || property.returning ? undefined : defaultValue(property.defaultRaw);
}

function valueOf(
  meta: EntityMetadata,
  property: EntityProperty,
  options: DescribeOptions,
  declared: string = property.columnTypes[0] ?? '',
): ColumnValue {
  const value = property.nativeEnumName
    ? enumValue(property.nativeEnumName, declared.endsWith('[]'))
    : columnValue(declared, contentOf(property), options);
  if (!value || (isDocument(property) && value.read !== 'cast'))
    throw unsupported(
      meta.className,
      `property "${property.name}" has the column type ${declared}, which is not supported yet`,
      'Use another type',
    );
  if (isDocument(property)) return embeddedValue(property, value, options.mapDocument);
  // The driver's answer has gone through SQL of the custom type, which Spillway cannot evaluate.
  return property.hasConvertToJSValueSQL ? { ...value, isExact: () => false } : value;
}

/**
 * The ORM has no run-time type for a column type that it does not know. The declared type of the property then decides.
 */
function contentOf({ runtimeType, type, customType }: EntityProperty): ColumnContent {
  if (runtimeType === 'Date') return 'Date';
  return runtimeType === 'string' || (type === 'string' && !customType) ? 'string' : 'other';
}

function tableColumn(property: string, name: string, { type, read }: ColumnValue): Column {
  return { property, name, type, read };
}

function versionOf(meta: EntityMetadata): WriteBehindType['version'] {
  const property = meta.versionProperty ? meta.properties[meta.versionProperty] : undefined;
  if (!property) return undefined;
  const digits = Number(/\((\d)\)/.exec(property.columnTypes[0] ?? '')?.[1] ?? 6);
  // A finer version never equals a `Date`. A coarser one is rounded to another version than its writer holds.
  if (property.runtimeType === 'Date' && digits !== 3) {
    throw unsupported(
      meta.className,
      `version "${property.name}" is ${digits > 3 ? 'finer' : 'coarser'} than milliseconds (${property.columnTypes[0]})`,
      'Declare it with length: 3',
    );
  }
  if (property.runtimeType === 'Date') return { property, kind: 'date' };
  const initial = property.defaultRaw?.trim() ?? '';
  if (initial.startsWith('-')) {
    throw unsupported(
      meta.className,
      `version "${property.name}" begins below zero (${initial})`,
      'Give it a default of 0 or more',
    );
  }
  return { property, kind: 'integer', ...(/^\d+$/.test(initial) && { initial: String(BigInt(initial)) }) };
}

function countersOf(
  meta: EntityMetadata,
  policy: ResolvedPolicy,
  values: ReadonlyMap<string, PropertyValue>,
): Map<string, number> {
  const scales = summable(values);
  return new Map(
    policy.counters.map((name) => {
      const scale = scales.get(name);
      if (scale !== undefined) return [name, scale];
      const type = values.get(name)?.value.type ?? '';
      throw new SpillwayError(
        'CONFIG_INVALID',
        `counters of ${meta.className}: "${name}" ${type ? `is a ${type} column` : 'is no persisted property'}, whose differences cannot be summed exactly. ` +
          'Counters are integer, bigint or numeric(p,s) properties.',
      );
    }),
  );
}

/** Properties whose differences can be summed exactly -> digits after the point. */
function summable(values: ReadonlyMap<string, PropertyValue>): Map<string, number> {
  return new Map(
    [...values].flatMap(([name, { value }]) => {
      const scale =
        /^numeric\(\d+,(\d+)\)$/.exec(value.type)?.[1] ??
        (/^(smallint|integer|bigint|numeric\(\d+\))$/.test(value.type) ? '0' : undefined);
      return scale === undefined ? [] : [[name, Number(scale)] as const];
    }),
  );
}

function nullsOf(meta: EntityMetadata, values: ReadonlyMap<string, PropertyValue>): string[] {
  const all = [...values];
  if (!all.some(([, { property }]) => property.targetMeta?.root.class === meta.class)) return [];
  return all.filter(([, { property, absent }]) => property.nullable && !absent).map(([name]) => name);
}

function isInverseOneToOne(property: EntityProperty): boolean {
  return property.kind === ReferenceKind.ONE_TO_ONE && !property.owner;
}

/**
 * The constraints and indexes that an entity's metadata names. MikroORM or PostgreSQL make all other names from the
 * names of the table and its columns.
 */
function constraintNames({ root }: EntityMetadata): readonly string[] {
  const ofEntity = [...root.uniques, ...root.indexes, ...root.checks].map(({ name }) => name);
  const ofProperties = root.props.flatMap(({ unique, index, foreignKeyName }) => [unique, index, foreignKeyName]);
  return [...ofEntity, ...ofProperties].filter((name) => typeof name === 'string');
}
