import type { MikroORM } from '@mikro-orm/core';
import { SpillwayError } from '../../errors.js';

/** What Spillway's own connections speak: an ORM on anything else has a database that they cannot reach. */
const CLIENT = 'pg';

/** Databases that look like PostgreSQL to MikroORM, and why they are none to Spillway. */
const REASONS: Readonly<Record<string, string>> = {
  '@electric-sql/pglite':
    'PGlite lives inside its process and has one connection: no worker can reach it from outside, and a batch would wait for the transaction that waits for the batch',
};

/** @throws SpillwayError `CONFIG_INVALID` for an ORM on another driver than that of @mikro-orm/postgresql */
export function assertDatabase({ driver }: MikroORM): void {
  // A driver without the method is an ORM that does not fit, which the check of methods says better.
  const clients = (driver as Partial<typeof driver>).getDependencies?.();
  if (!clients || clients.includes(CLIENT)) return;
  const reason = clients.map((client) => REASONS[client]).find((known) => known !== undefined);
  throw new SpillwayError(
    'CONFIG_INVALID',
    `Spillway writes to PostgreSQL by the driver of @mikro-orm/postgresql, and this ORM has ${driver.constructor.name} (${clients.join(', ')}). ` +
      `${reason === undefined ? '' : `${reason}. `}Use @mikro-orm/postgresql, or leave spillway() out of the extensions, for example in tests`,
  );
}
