import type { AbstractSqlDriver } from '@mikro-orm/postgresql';
import type { EntityMetadata } from '@mikro-orm/core';
import { incompatible } from './incompatible.js';
import type { ContractWatch } from './contract-watch.js';
import type { Reads } from './reads.js';
import type { StagedWrites } from './staged-writes.js';
import { stagedCall } from './staging-unit.js';

// The driver's methods are generic over entities that are not known here; what they are given and answer is plain data.
type Method = (...parameters: never[]) => Promise<unknown>;
type Methods = Record<DriverMethod, Method> & { stream: (...parameters: never[]) => AsyncIterableIterator<unknown> };
type DriverMethod =
  | 'find'
  | 'findOne'
  | 'nativeClone'
  | 'count'
  | 'nativeInsert'
  | 'nativeInsertMany'
  | 'nativeUpdate'
  | 'nativeUpdateMany'
  | 'nativeDelete'
  | 'loadFromPivotTable';

export const DRIVER_METHODS: readonly DriverMethod[] = [
  'find',
  'count',
  'findOne',
  'nativeInsert',
  'nativeInsertMany',
  'nativeUpdate',
  'nativeUpdateMany',
  'nativeDelete',
  'nativeClone',
  'loadFromPivotTable',
];

/** Set in the options of `findOne`, which answers by `find`: reads are hooked there. */
const SOUGHT: unique symbol = Symbol('spillway.sought');

type Options = Readonly<Record<string, unknown>> & { readonly [SOUGHT]?: { isAsked: boolean } };
type Payload = Record<string, unknown>;

/**
 * Puts Spillway between MikroORM and its driver: calls of a staged flush are answered by `StagedWrites`, look-ups and queries of write-behind entities go through
 * `Reads`, and what writes by SQL past the unit of work waits until what is pending has been written. Everything about other entities reaches the driver as it is.
 */
export function hookDriver(
  driver: AbstractSqlDriver,
  { writes, reads, watch }: { readonly writes: StagedWrites; readonly reads: Reads; readonly watch: ContractWatch },
): void {
  const target = driver as unknown as Methods;
  const original = Object.fromEntries(
    [...DRIVER_METHODS, 'stream' as const].map((name) => [name, target[name].bind(driver)]),
  ) as unknown as Methods;
  const call = (name: DriverMethod, parameters: readonly unknown[]): Promise<unknown> =>
    original[name](...(parameters as never[]));
  const metaOf = (entity: unknown, options: Options): EntityMetadata => {
    const meta = driver.getMetadata().get(entity as never);
    watch.assertCall(meta, options);
    return meta;
  };

  const replacements: Record<string, (...parameters: never[]) => unknown> = {
    find: async (entity: unknown, where: unknown, options: Options = {}) => {
      if (options[SOUGHT]) options[SOUGHT].isAsked = true;
      const staged = stagedCall(options);
      if (staged) return writes.rows(staged, where, options['fields']);
      return reads.find(metaOf(entity, options), where, options, (condition, opts) =>
        call('find', [entity, condition, opts]),
      );
    },
    findOne: async (entity: unknown, where: unknown, options: Options = {}) => {
      const sought = { isAsked: false };
      const row = await call('findOne', [entity, where, { ...options, [SOUGHT]: sought }]);
      if (!sought.isAsked) throw incompatible('its driver answers findOne() without find()');
      return row;
    },
    count: async (entity: unknown, where: unknown, options: Options = {}) => {
      await reads.beforeQuery(metaOf(entity, options), where, options);
      return call('count', [entity, where, options]);
    },
    stream: async function* (entity: unknown, where: unknown, options: Options = {}) {
      await reads.beforeQuery(metaOf(entity, options), where, options);
      yield* original.stream(...([entity, where, options] as never[]));
    },
    loadFromPivotTable: async (property: { targetMeta: EntityMetadata }, ...rest: unknown[]) => {
      await reads.beforeQuery(property.targetMeta, undefined, (rest[4] as Options | undefined) ?? {}, rest[3]);
      return call('loadFromPivotTable', [property, ...rest]);
    },
    nativeInsert: async (entity: unknown, data: Payload, options: Options = {}) => {
      await reads.beforeInsert(metaOf(entity, options), [data], options);
      return call('nativeInsert', [entity, data, options]);
    },
    nativeInsertMany: async (entity: unknown, data: Payload[], options: Options = {}, ...rest: unknown[]) => {
      const staged = stagedCall(options);
      if (staged) return writes.insertMany(staged, data);
      await reads.beforeInsert(metaOf(entity, options), data, options);
      return call('nativeInsertMany', [entity, data, options, ...rest]);
    },
    nativeUpdate: async (entity: unknown, where: unknown, data: Payload, options: Options = {}) => {
      const staged = stagedCall(options);
      if (staged) return writes.updateMany(staged, [data]);
      await reads.beforeWrite(metaOf(entity, options), where, options);
      if (options['upsert']) await reads.beforeInsert(metaOf(entity, options), [data], options);
      return call('nativeUpdate', [entity, where, data, options]);
    },
    nativeUpdateMany: async (
      entity: unknown,
      where: unknown,
      data: Payload[],
      options: Options = {},
      ...rest: unknown[]
    ) => {
      const staged = stagedCall(options);
      if (staged) return writes.updateMany(staged, data);
      await reads.beforeWrite(metaOf(entity, options), where, options);
      if (options['upsert']) await reads.beforeInsert(metaOf(entity, options), data, options);
      return call('nativeUpdateMany', [entity, where, data, options, ...rest]);
    },
    nativeClone: async (entity: unknown, where: unknown, overrides?: Payload, options: Options = {}) => {
      await reads.beforeWrite(metaOf(entity, options), where, options);
      return call('nativeClone', [entity, where, overrides, options]);
    },
    nativeDelete: async (entity: unknown, where: unknown, options: Options = {}) => {
      const staged = stagedCall(options);
      if (staged) return writes.delete(staged, where);
      await reads.beforeWrite(metaOf(entity, options), where, options);
      return call('nativeDelete', [entity, where, options]);
    },
  };
  Object.assign(driver, replacements);
}
