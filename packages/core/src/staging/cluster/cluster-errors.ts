import { SpillwayError, textOf } from '../../errors.js';
import { isReply } from '../redis/redis-errors.js';

/** The error of a server that is none of a cluster, if it is that. */
export function notClustered(error: unknown, address: string): SpillwayError | undefined {
  const said = error instanceof Error && isReply(error.cause) ? error.cause : undefined;
  if (said === undefined || !/cluster support disabled/iu.test(said.message)) return undefined;
  return new SpillwayError(
    'CONFIG_INVALID',
    `Redis at ${address} is not a node of a Redis Cluster (${said.message}), but "redis" names it in "cluster"; nothing was staged. ` +
      'Give a server that stands alone by its URL, and several of them as { nodes: [...] }',
    { cause: error },
  );
}

/** The slot was not settled on one server in time. */
export function unsettled(error: unknown, address: string): SpillwayError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return new SpillwayError(
    'STAGING_UNAVAILABLE',
    `The Redis Cluster takes no commands for the slot now, says ${address} (${textOf(cause)}); nothing was staged. ` +
      'Try again when the slot has moved, or another server has taken its place',
    { cause },
  );
}
