import type { MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';

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
