import { SpillwayError } from '../errors.js';

/**
 * The error for code that would wait for the end of its own transaction, which has the only connection.
 * @param what cannot be done; a clause
 */
export function waitsForItself(what: string, cause?: unknown): SpillwayError {
  return new SpillwayError(
    'ONE_CONNECTION',
    `${what}, and that cannot be inside this transaction: it has the only connection to the database, so it would wait for its own end. Nothing was done. ` +
      'Do it before the transaction, or after it',
    cause === undefined ? undefined : { cause },
  );
}
