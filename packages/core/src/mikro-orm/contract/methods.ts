import type { Collection, EntityMetadata } from '@mikro-orm/core';

/**
 * The methods of MikroORM that Spillway replaces or calls, by their owner. `assertOrm` and `assertEntityManager` refuse
 * an ORM that lacks one of them, when it is made. A schema generator is made later, and refused when it is asked for.
 */

/** Replaced on the driver (`DriverMethods` has their parameters): reads, and writes of flushes and of direct calls. */
export const DRIVER_METHODS = [
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
  'lockPessimistic',
  'syncCollections',
] as const;

/** Replaced on the driver for other purposes, or called. */
export const OTHER_DRIVER_METHODS = [
  'stream',
  'createEntityManager',
  'getDependencies',
  'getMetadata',
  'getConnection',
  'getPlatform',
  'getTableName',
  'getSchemaName',
  'close',
  'connect',
  'reconnect',
] as const;

/** Replaced on the connection that writes: all transactions of the ORM begin and end there. */
export const TRANSACTION_METHODS = ['begin', 'commit', 'rollback', 'transactional'] as const;

/** Replaced on every connection: all SQL that MikroORM makes goes through one of them. */
export const STATEMENT_METHODS = ['execute', 'stream'] as const;

/** Replaced, or called, on the connection that writes. */
export const CONNECTION_METHODS = ['connect', 'ensureConnection'] as const;

/** Replaced on the persister of each unit of work, where a flush hands its change sets to the driver. */
export const PERSISTER_METHODS = ['executeInserts', 'executeUpdates', 'executeDeletes'] as const;

/** Overridden in a subclass of the entity manager, or called. */
export const ENTITY_MANAGER_METHODS = [
  'getConnection',
  'transactional',
  'isInTransaction',
  'fork',
  'clear',
  'flush',
] as const;

/** Replaced on that subclass: they answer entities, and may populate their relations by further queries. */
export const FIND_METHODS = ['find', 'findOne'] as const;

/** Replaced there too: each is one query, or none of its own. */
export const QUERY_METHODS = ['count', 'populate'] as const;

/** Replaced there too: they reach the database past the driver. */
export const PAST_DRIVER_METHODS = ['countBy', 'callRoutine'] as const;

/** Replaced there too if it is there: an application's own class may descend from one that does not know views. */
export const VIEW_METHOD = 'refreshMaterializedView';

/** Replaced on the ORM: entities become known late. */
export const ORM_METHODS = ['discoverEntity'] as const;

/** Replaced on the schema generator: they clear or drop tables. */
export const SCHEMA_METHODS = [
  'clear',
  'drop',
  'refresh',
  'dropDatabase',
  'dropNamespace',
  'dropTableIfExists',
] as const;

/** Replaced on the schema generator if it has them: they connect to another database, and back. */
export const MOVE_METHODS = ['createDatabase', 'dropDatabase', 'ensureDatabase'] as const;

/**
 * Replaced on each unit of work (`commit`, `persistToDatabase`, `clear`), or asked. MikroORM's types keep
 * `persistToDatabase` private: decision 0050 says why Spillway replaces it all the same.
 */
export const UNIT_OF_WORK_METHODS = [
  'commit',
  'persistToDatabase',
  'clear',
  'register',
  'persist',
  'remove',
  'unsetIdentity',
  'getChangeSets',
  'getCollectionUpdates',
  'getIdentityMap',
  'getPersistStack',
  'getRemoveStack',
  'getChangeSetPersister',
] as const;

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
