import type { MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';

/** What Spillway's own connections speak. */
const SERVER = 'pg';
/** PostgreSQL inside the process, with one connection, which Spillway shares with the ORM. */
const IN_PROCESS = '@electric-sql/pglite';

/** @throws SpillwayError `CONFIG_INVALID` for an ORM on another driver than those of @mikro-orm/postgresql and @mikro-orm/pglite */
export function assertDatabase({ driver }: MikroORM): void {
  const clients = clientsOf(driver);
  if (!clients || clients.includes(SERVER) || clients.includes(IN_PROCESS)) return;
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Spillway writes to PostgreSQL by the drivers of @mikro-orm/postgresql and @mikro-orm/pglite, and this ORM has ${driver.constructor.name} (${clients.join(', ')}). ` +
      'Use one of them, or leave spillway() out of the extensions, for example in tests',
  );
}

/** Whether the ORM's database has but one connection, in this process. */
export function hasOneConnection({ driver }: MikroORM): boolean {
  return clientsOf(driver)?.includes(IN_PROCESS) === true;
}

/** A driver without the method is an ORM that does not fit, which the check of methods says better. */
function clientsOf(driver: MikroORM['driver']): readonly string[] | undefined {
  return (driver as Partial<typeof driver>).getDependencies?.();
}
