import { SpillwayError, textOf } from '../errors.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { OrmConnecting } from './surroundings.js';

const NO_SUCH_DATABASE = '3D000';

/** How MikroORM has come to its database; nothing where it has, or was not asked to. */
type Trouble = { readonly error: unknown } | undefined;

/** Before anything is asked of the database. What fails is told by what is asked next. */
export async function arrival({ connectsFirst, connect, arrived }: OrmConnecting): Promise<Trouble> {
  const connecting = connectsFirst() ? connect().then(nothing, asTrouble) : undefined;
  await arrived();
  return connecting;
}

/**
 * Opens where the ORM is. A database that is not there may be one that MikroORM makes when it connects: then it
 * connects first. Not while it is being opened, since MikroORM closes what is open for that.
 *
 * @throws what opening throws; SpillwayError `DATABASE_UNAVAILABLE`: MikroORM could not make the database
 */
export async function openThere<T>(orm: OrmConnecting, open: () => Promise<T>): Promise<T> {
  const before = await arrival(orm);
  try {
    return await open();
  } catch (error) {
    if (!isNoSuchDatabase(error)) throw error;
  }
  const trouble = before ?? (await orm.connect().then(nothing, asTrouble));
  await orm.arrived();
  if (trouble) throw notMade(trouble.error);
  return open();
}

function nothing(): undefined {
  return undefined;
}

function asTrouble(error: unknown): Trouble {
  return { error };
}

function notMade(cause: unknown): SpillwayError {
  return new SpillwayError(
    'DATABASE_UNAVAILABLE',
    `The database is not there, and MikroORM, which may make it (ensureDatabase), has failed: ${textOf(cause)}. ` +
      'Nothing was staged; make the database, or give the role the right to',
    { cause },
  );
}

function isNoSuchDatabase(error: unknown): boolean {
  const cause = error instanceof SpillwayError ? error.cause : error;
  return cause instanceof SinkFailure && cause.sqlstate === NO_SUCH_DATABASE;
}
