import { SpillwayError } from '../errors.js';

/** What somebody is told who would wait for the end of their own transaction, since it has the only connection. @param what cannot be done; a clause */
export function waitsForItself(what: string, cause?: unknown): SpillwayError {
  return new SpillwayError(
    'ONE_CONNECTION',
    `${what}, and that cannot be inside this transaction: it has the only connection to the database, so it would wait for its own end. Nothing was done. ` +
      'Do it before the transaction, or after it',
    cause === undefined ? undefined : { cause },
  );
}
