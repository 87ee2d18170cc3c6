import { ReferenceKind, type EntityMetadata, type EntityProperty, type Platform } from '@mikro-orm/core';
import { SpillwayError } from '../errors.js';
import type { ResolvedPolicy } from '../policy/policy.js';
import type { Column, ForeignKey, Table } from '../sink/table.js';
import { columnValue, type ColumnValue, type ColumnValueOptions } from './column-value.js';
import { commitOrder } from './commit-order.js';
import { conflictStrategy } from './entity-values.js';
import { databaseMade } from './database-made.js';
import { defaultValue, type DefaultValue } from './default-value.js';
import { embeddedValue, isDocument, type DocumentMapper } from './embedded-value.js';
import { keyText } from './key-text.js';
import { singleTable } from './single-table.js';
import { assertSupported, hasColumn, unsupported } from './unsupported.js';
import type { PropertyValue, WriteBehindType } from './write-behind-type.js';

export interface DecoratedEntity {
  readonly meta: EntityMetadata;
  readonly policy: ResolvedPolicy;
}

export interface DescribeOptions extends ColumnValueOptions {
  /** The schema of tables that name none. */
  readonly defaultSchema: string;
  readonly platform: Platform;
  readonly mapDocument: DocumentMapper;
}

/**
 * Describes every write-behind entity, or throws for the first that cannot be written behind.
 * @throws SpillwayError `ENTITY_UNSUPPORTED`, or `CONFIG_INVALID` for a policy that does not fit its entity.
 */
export function describeTypes(entities: readonly DecoratedEntity[], options: DescribeOptions): WriteBehindType[] {
  for (const { meta } of entities) assertSupported(meta);
  const order = orderOf(entities);
  return entities.map((entity) => describeType(entity, order.get(entity.meta.className) ?? 0, entities, options));
}

function describeType(
  { meta, policy }: DecoratedEntity,
  order: number,
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
    values.set(property.name, propertyValue(meta, property, options));
  }
  const version = versionOf(meta);
  const key = keyOf(meta, options);
  const counters = countersOf(meta, policy, values);
  const family = singleTable(meta);
  const table: Table = {
    entity: meta.className,
    schema: meta.schema ?? options.defaultSchema,
    name: meta.tableName,
    key: [key.column],
    columns: Object.fromEntries([...values].map(([name, { property, value }]) => [name, column(property, value)])),
    ...(version && {
      version: { column: column(version.property, valueOf(meta, version.property, options)), kind: version.kind },
    }),
    counters: Object.fromEntries(counters),
    references: referencesOf(meta, all, options),
    order,
    detect: version || policy.detect !== 'version' ? policy.detect : 'none',
    conflict: conflictStrategy(policy.conflict, { meta, key, values, counters }, options.platform),
    retry: policy.retry,
  };
  const asksOriginals =
    table.detect === 'changed-properties' || policy.conflict.kind === 'merge' || policy.conflict.kind === 'function';
  return {
    meta,
    policy,
    table,
    isIn: (schema) => schema === undefined || schema === table.schema,
    key,
    ...(version && { version }),
    values,
    databaseMade: databaseMade(meta, policy.inserts),
    counters,
    nulls: nullsOf(meta, values),
    keepsOriginals: asksOriginals,
    ...(family && { family }),
    lookups: meta.props.some((property) => property.formula || property.generated || isInverseOneToOne(property))
      ? 'drain'
      : 'overlay',
  };
}

function propertyValue(meta: EntityMetadata, property: EntityProperty, options: DescribeOptions): PropertyValue {
  const absent = absentValue(property);
  return { property, value: valueOf(meta, property, options), ...(absent && { absent }) };
}

function absentValue(property: EntityProperty): DefaultValue | undefined {
  return property.defaultRaw === undefined || property.returning ? undefined : defaultValue(property.defaultRaw);
}

function valueOf(meta: EntityMetadata, property: EntityProperty, options: DescribeOptions): ColumnValue {
  const declared = property.columnTypes[0] ?? '';
  const content = property.runtimeType === 'Date' ? 'Date' : 'other';
  const value = columnValue(property.nativeEnumName ? 'text' : declared, content, options);
  if (!value || (isDocument(property) && value.read !== 'cast'))
    throw unsupported(
      meta.className,
      `property "${property.name}" has the column type ${declared}, which is not supported yet`,
      'Use another type',
    );
  if (isDocument(property)) return embeddedValue(property, value, options.mapDocument);
  return property.nativeEnumName ? { ...value, type: declared, read: 'cast' } : value;
}

function column(property: EntityProperty, value: ColumnValue): Column {
  return { property: property.name, name: property.fieldNames[0] ?? property.name, type: value.type, read: value.read };
}

function keyOf(meta: EntityMetadata, options: DescribeOptions): WriteBehindType['key'] & { readonly column: Column } {
  const property = meta.getPrimaryProp();
  const value = valueOf(meta, property, options);
  const text = keyText(value.type);
  if (!text || (property.customType && !isPlainKeyType(property))) {
    throw unsupported(
      meta.className,
      `its primary key "${property.name}" has the type ${value.type}`,
      'Use an integer, bigint, uuid, text or varchar key',
    );
  }
  const absent = absentValue(property);
  const quoted = value.type === 'integer' || value.type === 'smallint' || value.type === 'bigint';
  return {
    property,
    text,
    toRow: (keyTextValue) => value.toRow(quoted ? keyTextValue : JSON.stringify(keyTextValue)),
    sequence: property.autoincrement === true,
    ...(absent && { absent }),
    column: column(property, value),
  };
}

/** MikroORM's own types for bigint and uuid change nothing about the database form of a key. */
function isPlainKeyType(property: EntityProperty): boolean {
  return ['BigIntType', 'UuidType', 'StringType', 'IntegerType', 'SmallIntType', 'TextType'].includes(
    property.customType?.constructor.name ?? '',
  );
}

function versionOf(meta: EntityMetadata): WriteBehindType['version'] {
  const property = meta.versionProperty ? meta.properties[meta.versionProperty] : undefined;
  if (!property) return undefined;
  const digits = Number(/\((\d)\)/.exec(property.columnTypes[0] ?? '')?.[1] ?? 6);
  // A finer one never equals a `Date`, and a coarser one is rounded to another version than its writer holds.
  if (property.runtimeType === 'Date' && digits !== 3) {
    throw unsupported(
      meta.className,
      `version "${property.name}" is ${digits > 3 ? 'finer' : 'coarser'} than milliseconds (${property.columnTypes[0]})`,
      'Declare it with length: 3',
    );
  }
  if (property.runtimeType === 'Date') return { property, kind: 'date' };
  const initial = property.defaultRaw?.trim() ?? '';
  return { property, kind: 'integer', ...(/^\d+$/.test(initial) && { initial: String(BigInt(initial)) }) };
}

function countersOf(
  meta: EntityMetadata,
  policy: ResolvedPolicy,
  values: ReadonlyMap<string, PropertyValue>,
): Map<string, number> {
  return new Map(
    policy.counters.map((name) => {
      const type = values.get(name)?.value.type ?? '';
      const scale =
        /^numeric\(\d+,(\d+)\)$/.exec(type)?.[1] ??
        (/^(smallint|integer|bigint|numeric\(\d+\))$/.test(type) ? '0' : undefined);
      if (scale !== undefined) return [name, Number(scale)];
      throw new SpillwayError(
        'CONFIG_INVALID',
        `counters of ${meta.className}: "${name}" ${type ? `is a ${type} column` : 'is no persisted property'}, whose differences cannot be summed exactly. ` +
          'Counters are integer, bigint or numeric(p,s) properties.',
      );
    }),
  );
}

function nullsOf(meta: EntityMetadata, values: ReadonlyMap<string, PropertyValue>): string[] {
  const all = [...values.values()];
  if (!all.some(({ property }) => property.targetMeta?.root.class === meta.class)) return [];
  return all.filter(({ property, absent }) => property.nullable && !absent).map(({ property }) => property.name);
}

function referencesOf(meta: EntityMetadata, all: readonly DecoratedEntity[], options: DescribeOptions): ForeignKey[] {
  return meta.relations.flatMap((property) => {
    const target = property.targetMeta?.root;
    if (!target || !hasColumn(property) || !all.some(({ meta: known }) => known.class === target.class)) return [];
    return [
      { property: property.name, target: { schema: target.schema ?? options.defaultSchema, table: target.tableName } },
    ];
  });
}

function isInverseOneToOne(property: EntityProperty): boolean {
  return property.kind === ReferenceKind.ONE_TO_ONE && !property.owner;
}

function orderOf(entities: readonly DecoratedEntity[]): ReadonlyMap<string, number> {
  const names = new Set(entities.map(({ meta }) => meta.className));
  const references = new Map(
    entities.map(({ meta }) => {
      const parents = meta.relations.filter(hasColumn).map((property) => property.targetMeta?.root.className ?? '');
      return [meta.className, new Set(parents.filter((parent) => names.has(parent)))];
    }),
  );
  const result = commitOrder(references);
  if ('order' in result) return result.order;
  const [first = ''] = result.cycle;
  throw unsupported(
    first,
    `its references form a cycle (${result.cycle.join(' -> ')}), for which there is no order of inserting`,
    'Break the cycle',
  );
}
