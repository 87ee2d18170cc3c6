import type { Collection, EntityMetadata } from '@mikro-orm/core';
import type { DRIVER_METHODS } from './methods.js';

/** MikroORM's options for its driver, beside data and conditions. */
export type DriverOptions = Readonly<Record<string, unknown>>;
export type Row = Record<string, unknown>;
type Rest = readonly unknown[];

/** The name of a replaced method. */
export type DriverMethod = (typeof DRIVER_METHODS)[number];

/**
 * The driver's methods that Spillway replaces. MikroORM's own types are generic over entities that are unknown here;
 * the methods take and answer plain data.
 */
export interface DriverMethods extends Record<DriverMethod, unknown> {
  find(entity: unknown, where: unknown, options?: DriverOptions): Promise<unknown>;
  findOne(entity: unknown, where: unknown, options?: DriverOptions): Promise<unknown>;
  count(entity: unknown, where: unknown, options?: DriverOptions): Promise<unknown>;
  nativeInsert(entity: unknown, data: Row, options?: DriverOptions): Promise<unknown>;
  nativeInsertMany(entity: unknown, data: Row[], options?: DriverOptions, ...rest: Rest): Promise<unknown>;
  nativeUpdate(entity: unknown, where: unknown, data: Row, options?: DriverOptions): Promise<unknown>;
  nativeUpdateMany(
    entity: unknown,
    where: unknown,
    data: Row[],
    options?: DriverOptions,
    ...rest: Rest
  ): Promise<unknown>;
  nativeDelete(entity: unknown, where: unknown, options?: DriverOptions): Promise<unknown>;
  nativeClone(entity: unknown, where: unknown, overrides?: Row, options?: DriverOptions): Promise<unknown>;
  /** The collections of one many-to-many property. */
  loadFromPivotTable(
    property: { readonly targetMeta: EntityMetadata },
    owners: unknown,
    where: unknown,
    order: unknown,
    transaction: unknown,
    options?: DriverOptions,
    ...rest: Rest
  ): Promise<unknown>;
  lockPessimistic(entity: object, options?: DriverOptions): Promise<unknown>;
  syncCollections(collections: Iterable<Collection<object>>, options?: DriverOptions, ...rest: Rest): Promise<unknown>;
}
