import type { EntityManager, MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import { hasOneConnection } from './assert-database.js';
import { DRIVER_METHODS } from './hook-driver.js';
import { TRANSACTION_METHODS } from '../transactions/hook-transactions.js';
import { STATEMENT_METHODS } from './hook-statements.js';
import { incompatible } from '../contract/incompatible.js';

const OTHER_DRIVER_METHODS = [
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
const CONNECTION_METHODS = ['connect', 'ensureConnection'] as const;
const PERSISTER_METHODS = ['executeInserts', 'executeUpdates', 'executeDeletes'] as const;
const ENTITY_MANAGER_METHODS = ['getConnection', 'isInTransaction', 'fork', 'clear', 'flush'] as const;
const UNIT_OF_WORK_METHODS = [
  'commit',
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
/** Without its own transactions a flush never asks for one, and that is where it is staged. */
const TRANSACTION_SETTINGS = [
  ['implicitTransactions', false],
  ['disableTransactions', true],
] as const;

/** What the hooks need of an ORM before discovery. @throws SpillwayError `ORM_INCOMPATIBLE` that names what is missing, `CONFIG_INVALID` for settings that rule out staging. */
export function assertOrm(orm: MikroORM): void {
  const driver = orm.driver as unknown;
  for (const method of [...DRIVER_METHODS, ...OTHER_DRIVER_METHODS]) assertMethod(driver, 'driver', method);
  const connection: unknown = orm.driver.getConnection('write');
  const ofConnection = [...TRANSACTION_METHODS, ...CONNECTION_METHODS, ...STATEMENT_METHODS];
  for (const method of ofConnection) assertMethod(connection, 'connection', method);
  if (!hasOneConnection(orm)) assertMethod(connection, 'connection', 'mapOptions');
  for (const method of ['get', 'set', 'registerExtension', 'getExtension'])
    assertMethod(orm.config, 'configuration', method);
  assertMethod(orm.driver.getPlatform(), 'platform', 'getSchemaGenerator');
  for (const [setting, value] of TRANSACTION_SETTINGS) {
    if (orm.config.get(setting) !== value) continue;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `MikroORM runs with ${setting}: ${value}, where a flush cannot be staged as one. Remove that setting to use Spillway`,
    );
  }
}

/** What the hooks need of an entity manager, looked at before any is hooked. */
export function assertEntityManager(em: EntityManager): void {
  assertMethod(em, 'entity manager', 'getUnitOfWork');
  for (const method of ENTITY_MANAGER_METHODS) assertMethod(em, 'entity manager', method);
  const uow: unknown = em.getUnitOfWork(false);
  for (const method of UNIT_OF_WORK_METHODS) assertMethod(uow, 'unit of work', method);
  const persister: unknown = em.getUnitOfWork(false).getChangeSetPersister();
  for (const method of PERSISTER_METHODS) assertMethod(persister, 'change set persister', method);
  if (em.getUnitOfWork(false).getChangeSetPersister() !== persister)
    throw incompatible('its unit of work has no change set persister that it keeps');
}

function assertMethod(owner: unknown, name: string, method: string): void {
  const isThere = owner !== null && typeof owner === 'object' && typeof Reflect.get(owner, method) === 'function';
  if (!isThere) throw incompatible(`its ${name} has no method ${method}()`);
}
