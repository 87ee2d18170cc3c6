import { SpillwayError, textOf } from '../../errors.js';

/** What a failed command means to a caller: whether it ran, and what to do. Anything that is no fault of the server or the network is answered as it is. */
export function asStagingError(error: unknown, server: string): Error {
  const { name, message } = error instanceof Error ? error : new Error(textOf(error));
  if (name === 'ReplyError' || name === 'ScriptError') return asReplyError(error as Error, server);
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
export function asOpenError(error: Error, server: string): SpillwayError {
  if (isRefusal(error)) return refused(error, server);
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `Redis at ${server} cannot be reached (${error.message}). Check that it runs there, and that host, port and TLS of the "redis" option are right`,
    { cause: error },
  );
}

/** Errors of a server that is there, but takes no commands now. The script has not run. */
const BUSY = /^(LOADING|MASTERDOWN|READONLY|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNKILLABLE)\b/u;

/** A server that has a part of the keys only. Scripts over all shards can never run there. */
const IN_CLUSTER = /^(MOVED|ASK|CROSSSLOT)\b/u;

function asReplyError(error: Error, server: string): Error {
  if (isRefusal(error)) return refused(error, server);
  if (IN_CLUSTER.test(error.message)) {
    return new SpillwayError(
      'CONFIG_INVALID',
      `Redis at ${server} is a node of a Redis Cluster, which spreads keys over several servers (${error.message}). Give the "redis" option a server that is not part of a cluster; nothing was staged`,
      { cause: error },
    );
  }
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
  return error;
}

/** A right that is missing. Within a script the server says it in other words, which differ from version to version. */
const NO_RIGHT = /\bNOPERM\b|can't run this command|ACL failure in script/u;

function isRefusal(error: Error): boolean {
  return NO_RIGHT.test(error.message) || /\b(WRONGPASS|NOAUTH)\b|invalid password/u.test(error.message);
}

function refused(error: Error, server: string): SpillwayError {
  const remedy = NO_RIGHT.test(error.message)
    ? 'Give the user the rights to run EVALSHA, EVAL, TIME and the commands of hashes and sorted sets on the keys of the namespace; ' +
      'SECURITY.md lists them'
    : 'Check "username" and "password" of the "redis" option';
  return new SpillwayError('CONFIG_INVALID', `Redis at ${server} refuses this client (${error.message}). ${remedy}`, {
    cause: error,
  });
}
