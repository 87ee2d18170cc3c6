/** A replica of a Redis of a run's own. */
import { mkdirSync } from 'node:fs';
import { untilRedisSays } from './until-redis-says.mjs';
import { startRedis } from './redis.mjs';

/**
 * Starts a replica, and resolves when the primary says that it is online.
 *
 * @param {{ readonly port: number }} primary
 * @param {string} binary
 * @param {string} folder
 * @returns {Promise<import('./start-server.mjs').RunningServer>}
 */
export async function followedBy(primary, binary, folder) {
  mkdirSync(folder);
  const settings = { replicaof: `127.0.0.1 ${primary.port}`, 'repl-diskless-sync-delay': '0' };
  const replica = await startRedis({ binary, folder, settings });
  const online = new RegExp(`^slave\\d+:.*port=${replica.port},state=online`, 'mu');
  await untilRedisSays(primary.port, 'INFO replication', [online]);
  return replica;
}
