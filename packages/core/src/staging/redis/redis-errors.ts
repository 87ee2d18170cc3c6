import { bareError } from '../../bare-error.js';
import { SpillwayError } from '../../errors.js';
import { DeadlinePassed } from '../deadline.js';
import { CutOff } from '../staging-errors.js';
import { isSelectRefusal } from './connection-trouble.js';
import { tlsGuess, tlsRemedy, withoutPlace } from './tls-trouble.js';

/**
 * The error of a failed command for the caller: it tells if the command ran, and what to do. It leaves out the command
 * with all its arguments, which ioredis attaches to its errors. An unexpected reply becomes a plain `Error`.
 *
 * @param silence why Spillway has ended the connection, if it has
 */
export function asStagingError(given: unknown, server: string, trouble?: Error, silence?: Error): Error {
  const sent = bareError(given);
  if (isReply(given)) return asReplyError(sent, server);
  if (sent.message.startsWith("Stream isn't writeable")) return notConnected(server, trouble ?? sent);
  const error = silence ?? sent;
  const { message } = error;
  return new SpillwayError(
    'STAGING_TIMEOUT',
    `Redis at ${server} has not answered (${message}); whether the command ran is not known. Send it again under its id, or fence it`,
    { cause: error },
  );
}

/** @param trouble why it is not connected, as far as that is known */
export function notConnected(server: string, trouble: unknown): SpillwayError {
  const cause = bareError(trouble);
  const isCause = trouble instanceof Error && !trouble.message.startsWith("Stream isn't writeable");
  const why = isCause ? ` (${withoutPlace(cause.message)})` : '';
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `Redis at ${server} is not connected${why}; nothing was staged. Spillway keeps reconnecting; try again`,
    { cause },
  );
}

/** @param when `before`: Spillway stopped before the command was sent; `within`: while the command was on its way */
export function stopped(server: string, when: 'before' | 'within'): SpillwayError {
  if (when === 'within') return new CutOff(`Redis at ${server}`);
  return new SpillwayError(
    'STOPPED',
    `Spillway has been stopped, and has asked Redis at ${server} nothing more. ` +
      'What is staged stays staged; call orm.connect() to go on',
  );
}

/** Why Redis could not be opened. @param isTls whether the client speaks TLS */
export function asOpenError(given: Error, server: string, isTls = false): SpillwayError {
  if (given instanceof SpillwayError) return given;
  if (isSelectRefusal(given) && !isLoginRefusal(given)) return refusedDatabase(given, server);
  const error = bareError(given);
  if (isRefusal(error)) return refused(error, server);
  const said = withoutPlace(error.message);
  const why = given instanceof DeadlinePassed ? `opening has not ended: ${said}` : said;
  const tls = { isTls, option: isOfSentinels(server) ? '"tls" or "sentinelTLS"' : '"tls"' };
  const remedy =
    tlsRemedy(error, tls) ??
    `Check that it runs there, and that ${remedyOf(server)} of the "redis" option are right${tlsGuess(error, tls)}`;
  return new SpillwayError('STAGING_UNAVAILABLE', `Redis at ${server} cannot be reached (${why}). ${remedy}`, {
    cause: error,
  });
}

/** True if the server has answered. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && (error.name === 'ReplyError' || error.name === 'ScriptError');
}

function isOfSentinels(server: string): boolean {
  return server.startsWith('"');
}

function remedyOf(server: string): string {
  return isOfSentinels(server) ? 'sentinels, name and TLS' : 'host, port and TLS';
}

function refusedDatabase(given: Error, server: string): SpillwayError {
  const [database] = (Reflect.get(given, 'command') as { readonly args: readonly unknown[] }).args;
  const error = bareError(given);
  return new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${server} does not give the database ${String(database)} (${error.message}). ` +
      'Take another database in the "redis" option, raise "databases" of the server, or let the user run SELECT',
    { cause: error },
  );
}

/** Errors of a server that is there, but takes no commands now. The script has not run. */
const BUSY = /^(LOADING|MASTERDOWN|READONLY|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNKILLABLE)\b/u;

/** A server that has a part of the keys only. Scripts over all shards can never run there. */
const IN_CLUSTER = /^(MOVED|ASK|CROSSSLOT)\b|\bnon local key in a cluster node\b/u;

/** @param said what has told it */
export function nodeOfCluster(server: string, said: string, cause?: Error): SpillwayError {
  return new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${server} is a node of a Redis Cluster, which spreads keys over several servers (${said}). Give the "redis" option the cluster, as { cluster: [...] }; nothing was staged`,
    cause && { cause },
  );
}

/** The error for what the server has answered. */
export function asReplyError(error: Error, server: string): Error {
  if (isRefusal(error)) return refused(error, server);
  if (IN_CLUSTER.test(error.message)) return nodeOfCluster(server, error.message, error);
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

/**
 * A right that is missing. Within a script the server says it without NOPERM: "The user executing the script can't run
 * this command" up to Redis 7.0, "ACL failure in script" in Redis 8 and Valkey 8.
 */
const NO_RIGHT = /\bNOPERM\b|The user executing the script can't|ACL failure in script/u;

function isRefusal(error: Error): boolean {
  return isLoginRefusal(error) || NO_RIGHT.test(error.message);
}

function isLoginRefusal(error: Error): boolean {
  return /\b(WRONGPASS|NOAUTH)\b|invalid password/u.test(error.message);
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
