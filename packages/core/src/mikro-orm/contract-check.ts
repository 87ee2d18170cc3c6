import { Utils, type EntityManager, type MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../errors.js';
import { DRIVER_METHODS } from './hook-driver.js';

const PERSISTER_METHODS = ['executeInserts', 'executeUpdates', 'executeDeletes'] as const;
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
] as const;

/** What the hooks need of an ORM before discovery. @throws SpillwayError `ORM_INCOMPATIBLE` that names what is missing. */
export function assertOrm(orm: MikroORM): void {
  const driver = orm.driver as unknown;
  for (const method of [...DRIVER_METHODS, 'stream', 'createEntityManager', 'getMetadata', 'close'])
    assertMethod(driver, 'driver', method);
  for (const method of ['get', 'set', 'registerExtension']) assertMethod(orm.config, 'configuration', method);
  if (orm.config.get('implicitTransactions') === false) {
    throw new SpillwayError(
      'CONFIG_INVALID',
      'MikroORM runs with implicitTransactions: false, where a flush cannot be staged as one. Remove that setting to use Spillway',
    );
  }
}

/** What the hooks need of an entity manager. */
export function assertEntityManager(em: EntityManager): void {
  assertMethod(em, 'entity manager', 'getUnitOfWork');
  const uow: unknown = em.getUnitOfWork(false);
  for (const method of [...UNIT_OF_WORK_METHODS, 'getChangeSetPersister']) assertMethod(uow, 'unit of work', method);
  const persister: unknown = em.getUnitOfWork(false).getChangeSetPersister();
  for (const method of PERSISTER_METHODS) assertMethod(persister, 'change set persister', method);
}

function assertMethod(owner: unknown, name: string, method: string): void {
  const isThere = owner !== null && typeof owner === 'object' && typeof Reflect.get(owner, method) === 'function';
  if (!isThere) throw incompatible(`its ${name} has no method ${method}()`);
}

export function incompatible(what: string): SpillwayError {
  return new SpillwayError(
    'ORM_INCOMPATIBLE',
    `This version of MikroORM (${Utils.getORMVersion()}) does not fit Spillway: ${what}. Spillway needs @mikro-orm/core and @mikro-orm/postgresql ^7.1.0; update one of them`,
  );
}
