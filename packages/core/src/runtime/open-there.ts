import { SpillwayError, textOf } from '../errors.js';
import { SinkFailure } from '../sink/sink-failure.js';
import type { OrmConnecting } from './surroundings.js';

const NO_SUCH_DATABASE = '3D000';

/** Why MikroORM could not connect to its database; `undefined` if it could, or was not asked to. */
type Trouble = { readonly error: unknown } | undefined;

/** Runs before any question to the database. The next question reports a failure. */
export async function arrival({ connectsFirst, connect, arrived }: OrmConnecting): Promise<Trouble> {
  const connecting = connectsFirst() ? connect().then(nothing, asTrouble) : undefined;
  await arrived();
  return connecting;
}

/**
 * Opens where the ORM is. If the database is missing, MikroORM may make it when it connects, so it connects first. It
 * does not connect while parts are being opened, since MikroORM closes open parts for that.
 *
 * @throws the error of opening; SpillwayError `DATABASE_UNAVAILABLE`: MikroORM could not make the database
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
