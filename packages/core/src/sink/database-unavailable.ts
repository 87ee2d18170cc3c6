import { SpillwayError } from '../errors.js';
import { SinkFailure } from './sink-failure.js';

/**
 * Turns PostgreSQL's failure into the error for a caller outside of a flush. Inside one, the worker tries again
 * instead.
 *
 * @param why what PostgreSQL is needed for; a sentence
 */
export async function databaseFor<T>(why: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SinkFailure)) throw error;
    throw new SpillwayError(
      'DATABASE_UNAVAILABLE',
      `${error.message}. ${why} Nothing was staged; try again when the database is back, and check that the ORM's connection settings are right`,
      { cause: error },
    );
  }
}
