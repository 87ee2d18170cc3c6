/** Several Redis servers of a run's own, each of which is started again when it has died. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { keepAlive, programOfRedis } from './kept-redis.mjs';
import { followedBy } from './redis-replica.mjs';
import { makeRunFolder, removeFolder } from './run-folder.mjs';

/**
 * @typedef {object} RedisNode
 * @property {string} name
 * @property {string} url
 * @property {number} pid of its first life
 */

/**
 * @typedef {object} RedisNodes
 * @property {readonly RedisNode[]} nodes
 * @property {() => Promise<void>} stop
 */

/**
 * They write each change to disk before they answer, so that none is lost when one is killed.
 *
 * @param {number} count
 * @param {{ readonly replicas?: boolean }} [options] whether each has a replica, which is online
 * @returns {Promise<RedisNodes>}
 * @throws NoServers if this machine has no program of Redis
 */
export async function startRedisNodes(count, { replicas = false } = {}) {
  const binary = programOfRedis(count === 1 ? 'single' : 'nodes');
  const folder = makeRunFolder();
  /** @type {(() => Promise<void>)[]} */
  const stops = [];
  const stop = async () => {
    await Promise.all(stops.map((each) => each()));
    removeFolder(folder);
  };
  try {
    const nodes = [];
    for (let number = 1; number <= count; number += 1) {
      const name = `node-${number}`;
      const own = path.join(folder, name);
      mkdirSync(own);
      const server = await keepAlive(binary, own, { appendfsync: 'always', 'repl-diskless-sync-delay': '0' });
      stops.push(() => server.stop());
      if (replicas) {
        const replica = await followedBy(server, binary, path.join(folder, `${name}-replica`));
        stops.push(() => replica.stop());
      }
      nodes.push({ name, url: server.url, pid: server.pid });
    }
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
