import { type EntityManager, type MikroORM, Utils } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';
import {
  CONNECTION_METHODS,
  DRIVER_METHODS,
  ENTITY_MANAGER_METHODS,
  FIND_METHODS,
  ORM_METHODS,
  OTHER_DRIVER_METHODS,
  PAST_DRIVER_METHODS,
  PERSISTER_METHODS,
  QUERY_METHODS,
  STATEMENT_METHODS,
  TRANSACTION_METHODS,
  UNIT_OF_WORK_METHODS,
} from './methods.js';

/** A flush is staged where it asks for its transaction. With these settings it asks for none. */
const TRANSACTION_SETTINGS = [
  ['implicitTransactions', false],
  ['disableTransactions', true],
] as const;

/**
 * Before discovery, asserts that the ORM has the methods that the hooks need.
 *
 * @throws SpillwayError `ORM_INCOMPATIBLE` that names the missing method, `CONFIG_INVALID` for settings that rule out
 * staging
 */
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
  for (const method of ORM_METHODS) assertMethod(orm, 'ORM', method);
  for (const [setting, value] of TRANSACTION_SETTINGS) {
    if (orm.config.get(setting) !== value) continue;
    throw new SpillwayError(
      'CONFIG_INVALID',
      `MikroORM runs with ${setting}: ${value}, where a flush cannot be staged as one. Remove that setting to use Spillway`,
    );
  }
}

/** The same for entity managers, before any is hooked. @throws SpillwayError `ORM_INCOMPATIBLE` */
export function assertEntityManager(em: EntityManager): void {
  assertMethod(em, 'entity manager', 'getUnitOfWork');
  const ofManager = [...ENTITY_MANAGER_METHODS, ...FIND_METHODS, ...QUERY_METHODS, ...PAST_DRIVER_METHODS];
  for (const method of ofManager) assertMethod(em, 'entity manager', method);
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

/** MikroORM is not as the hooks need it, so this flush or read may go past Spillway. */
export function incompatible(what: string): SpillwayError {
  return new SpillwayError(
    'ORM_INCOMPATIBLE',
    `This version of MikroORM (${Utils.getORMVersion()}) does not fit Spillway: ${what}. Spillway needs @mikro-orm/core and @mikro-orm/postgresql ^7.1.9; update one of them`,
  );
}

/** The client of Spillway's own connections. */
const SERVER = 'pg';
/** PostgreSQL inside the process, with one connection, which Spillway shares with the ORM. */
const IN_PROCESS = '@electric-sql/pglite';

/**
 * Accepts the drivers of @mikro-orm/postgresql and @mikro-orm/pglite.
 * @throws SpillwayError `CONFIG_INVALID` for an ORM on another driver
 */
export function assertDatabase({ driver }: MikroORM): void {
  const clients = clientsOf(driver);
  if (!clients || clients.includes(SERVER) || clients.includes(IN_PROCESS)) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Spillway writes to PostgreSQL by the drivers of @mikro-orm/postgresql and @mikro-orm/pglite, and this ORM has ${driver.constructor.name} (${clients.join(', ')}). ` +
      'Use one of them, or leave spillway() out of the extensions, for example in tests',
  );
}

/** True if the ORM's database runs in this process, with one connection. */
export function hasOneConnection({ driver }: MikroORM): boolean {
  return clientsOf(driver)?.includes(IN_PROCESS) === true;
}

/** If the driver lacks the method, the ORM does not fit; the check of methods reports that better. */
function clientsOf(driver: MikroORM['driver']): readonly string[] | undefined {
  return (driver as Partial<typeof driver>).getDependencies?.();
}
