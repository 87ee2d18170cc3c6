import { bareError } from '../../bare-error.js';
import { SpillwayError } from '../../errors.js';

/**
 * What a failed command means to a caller: whether it ran, and what to do. Anything that is no fault of the server or the network is answered as it is, but for the command, which ioredis
 * hangs on its errors with all its arguments.
 */
export function asStagingError(given: unknown, server: string): Error {
  const error = bareError(given);
  const { name, message } = error;
  if (name === 'ReplyError' || name === 'ScriptError') return asReplyError(error, server);
  if (message.startsWith("Stream isn't writeable")) {
    return new SpillwayError(
      'STAGING_UNAVAILABLE',
      `Redis at ${server} is not connected; nothing was staged. Spillway keeps reconnecting; try again`,
      {
        cause: error,
      },
    );
  }
  return new SpillwayError(
    'STAGING_TIMEOUT',
    `Redis at ${server} has not answered (${message}); whether the command ran is not known. Send it again under its id, or fence it`,
    { cause: error },
  );
}

/** Why Redis could not be opened. */
export function asOpenError(given: Error, server: string): SpillwayError {
  const error = bareError(given);
  if (isRefusal(error)) return refused(error, server);
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `Redis at ${server} cannot be reached (${error.message}). Check that it runs there, and that host, port and TLS of the "redis" option are right`,
    { cause: error },
  );
}

/** Errors of a server that is there, but takes no commands now. The script has not run. */
const BUSY = /^(LOADING|MASTERDOWN|READONLY|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNKILLABLE)\b/u;

function asReplyError(error: Error, server: string): Error {
  if (isRefusal(error)) return refused(error, server);
  if (BUSY.test(error.message)) {
    return new SpillwayError(
      'STAGING_UNAVAILABLE',
      `Redis at ${server} takes no commands now (${error.message}); nothing was staged. Try again`,
      {
        cause: error,
      },
    );
  }
  if (/\bOOM\b/u.test(error.message)) {
    return new SpillwayError(
      'STAGING_FULL',
      `Redis at ${server} is out of memory; nothing was staged. Flushing goes on and makes room; raise "maxmemory", or lower "maxPending"`,
      { cause: error },
    );
  }
  return bareError(
    new Error(
      `Redis at ${server} has answered with an error that Spillway does not expect (${error.message}). See what else writes to the keys of its namespace`,
      { cause: error },
    ),
  );
}

function isRefusal(error: Error): boolean {
  return /\b(WRONGPASS|NOAUTH|NOPERM)\b|invalid password/u.test(error.message);
}

function refused(error: Error, server: string): SpillwayError {
  const remedy = error.message.includes('NOPERM')
    ? 'Give the user the rights to run EVALSHA, EVAL and the commands of hashes and sorted sets on the keys of the namespace'
    : 'Check "username" and "password" of the "redis" option';
  return new SpillwayError('CONFIG_INVALID', `Redis at ${server} refuses this client (${error.message}). ${remedy}`, {
    cause: error,
  });
}
