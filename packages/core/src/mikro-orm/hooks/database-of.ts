import type { MikroORM } from '@mikro-orm/core';
import type { SharedConnection } from '../../sink/shared-connection.js';
import type { CallersContext } from '../transactions/callers-context.js';
import { ormConnection } from '../transactions/orm-connection.js';
import { hasOneConnection } from './assert-database.js';

/** Where the ORM's database is, in the words of its driver. */
export interface DatabaseAccess {
  readonly connection: Readonly<Record<string, unknown>>;
  /** The ORM's own connection, where the database has no other. */
  readonly shared?: SharedConnection;
  /** The schema of the ORM, where it names one. */
  readonly schema?: string;
  /** `timestamp` columns hold UTC (MikroORM's default) or the process's local time. */
  readonly timestampsInUtc: boolean;
}

/**
 * How the ORM reaches its database, for the pool of Spillway's own: the same server, user, password (or the function that makes it) and TLS settings, but none of the ORM's pool
 * numbers.
 */
export function databaseOf(orm: MikroORM, context: CallersContext): DatabaseAccess {
  const own = orm.config.get('driverOptions') as unknown;
  const {
    max: _max,
    min: _min,
    onPoolCreated: _hook,
    ...driverOptions
  } = typeof own === 'object' && own !== null ? (own as Record<string, unknown>) : {};
  const { host, port, user, password, database } = orm.driver.getConnection('write').getConnectionOptions() as Record<
    string,
    unknown
  >;
  const schema = orm.config.get('schema');
  return {
    connection: { ...driverOptions, ...given({ host, port, user, password, database }) },
    ...(hasOneConnection(orm) && { shared: ormConnection(orm, context) }),
    ...(schema !== undefined && { schema }),
    timestampsInUtc: orm.config.get('forceUtcTimezone') ?? true,
  };
}

function given(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
